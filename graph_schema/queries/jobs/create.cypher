// A piece of work.
// Params: $properties MAP.  Returns: nothing
CREATE (job:Job)
SET job = $properties
