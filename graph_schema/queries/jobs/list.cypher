// Jobs, newest first, after the position of a cursor; in one state or in any; those that are no part of another, or the parts of one.
// Params: $state STRING or null, $parent STRING or null, $created_at STRING or null, $id STRING or null, $limit INTEGER.  Returns: job MAP
MATCH (job:Job)
WHERE ($state IS NULL OR job.state = $state)
  AND coalesce(job.parent, '') = coalesce($parent, '')
  AND ($created_at IS NULL OR job.created_at < $created_at OR (job.created_at = $created_at AND job.id < $id))
RETURN properties(job) AS job
ORDER BY job.created_at DESC, job.id DESC
LIMIT $limit
