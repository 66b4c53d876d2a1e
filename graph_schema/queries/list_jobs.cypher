// Jobs, newest first, from after a cursor; in one state or in any.
// Params: $state STRING or null, $created_at FLOAT or null, $id STRING or null, $limit INTEGER.  Returns: job MAP
MATCH (job:Job)
WHERE ($state IS NULL OR job.state = $state)
  AND ($created_at IS NULL OR job.created_at < $created_at OR (job.created_at = $created_at AND job.id < $id))
RETURN properties(job) AS job
ORDER BY job.created_at DESC, job.id DESC
LIMIT $limit
