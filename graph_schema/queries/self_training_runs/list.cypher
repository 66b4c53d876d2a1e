// Self-training runs, newest first, after the position of a cursor.
// Params: $created_at STRING or null, $id STRING or null, $limit INTEGER.  Returns: run MAP
MATCH (run:SelfTrainingRun)
WHERE $created_at IS NULL OR run.created_at < $created_at OR (run.created_at = $created_at AND run.id < $id)
WITH run
ORDER BY run.created_at DESC, run.id DESC
LIMIT $limit
RETURN properties(run) AS run
