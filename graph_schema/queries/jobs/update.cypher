// New values for a job that this transaction has locked; null takes a property away.
// Params: $id STRING, $properties MAP.  Returns: nothing
MATCH (job:Job {id: $id})
SET job += $properties
