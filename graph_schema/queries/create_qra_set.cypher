// A set of questions and the graphs it was drawn from.
// Params: $properties MAP.  Returns: nothing
CREATE (questions:QRASet)
SET questions = $properties
