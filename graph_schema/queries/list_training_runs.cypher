// Training runs, newest first, from after a place in that order.
// Params: $created_at STRING or null, $id STRING or null, $limit INTEGER.  Returns: id STRING
MATCH (run:TrainingRun)
WHERE $created_at IS NULL OR run.created_at < $created_at OR (run.created_at = $created_at AND run.id < $id)
RETURN run.id AS id, run.created_at AS created_at
ORDER BY run.created_at DESC, run.id DESC
LIMIT $limit
