// One job, locked until the transaction ends: whoever asks next waits (Neo4j) or fails on commit and tries again (embedded).
// Params: $id STRING, $token STRING.  Returns: job MAP
MATCH (job:Job {id: $id})
SET job.lock = $token
WITH job
RETURN properties(job) AS job
