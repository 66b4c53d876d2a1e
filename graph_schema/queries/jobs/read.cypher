// One job.
// Params: $id STRING.  Returns: job MAP
MATCH (job:Job {id: $id})
RETURN properties(job) AS job
