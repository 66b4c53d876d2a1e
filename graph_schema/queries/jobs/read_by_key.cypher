// The job that was made under an idempotency key.
// Params: $key STRING.  Returns: job MAP
MATCH (job:Job {idempotency_key: $key})
RETURN properties(job) AS job
