// A set of questions and the graphs it was drawn from. Written again it takes the newer properties.
// Params: $id STRING, $properties MAP.  Returns: nothing
MERGE (questions:QRASet {id: $id})
SET questions = $properties
