// Jobs that nobody works on: queued for a while, handed on by a worker, or running with a lease that ran out. Oldest first.
// Params: $now FLOAT, $queued_before STRING, $handed_on_before STRING.  Returns: job MAP
MATCH (job:Job)
WHERE (job.state = 'queued' AND job.updated_at <= CASE job.stage WHEN 'model' THEN $handed_on_before ELSE $queued_before END) OR (job.state = 'running' AND job.lease_expires <= $now)
RETURN properties(job) AS job
ORDER BY job.created_at, job.id
