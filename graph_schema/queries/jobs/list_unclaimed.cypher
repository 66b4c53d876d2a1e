// Jobs that nobody works on: queued for a while, or running with a lease that ran out. Oldest first.
// Params: $now FLOAT, $queued_before STRING.  Returns: job MAP
MATCH (job:Job)
WHERE (job.state = 'queued' AND job.updated_at <= $queued_before) OR (job.state = 'running' AND job.lease_expires <= $now)
RETURN properties(job) AS job
ORDER BY job.created_at, job.id
