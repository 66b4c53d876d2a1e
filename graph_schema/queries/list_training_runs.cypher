// Training runs, newest first, from after a cursor, and what each is joined to.
// Params: $created_at STRING or null, $id STRING or null, $limit INTEGER.
// Returns: run MAP, qra_set_ids LIST of STRING, started_from STRING, produced STRING or null
MATCH (run:TrainingRun)
WHERE $created_at IS NULL OR run.created_at < $created_at OR (run.created_at = $created_at AND run.id < $id)
WITH run
ORDER BY run.created_at DESC, run.id DESC
LIMIT $limit
MATCH (run)-[:STARTED_FROM]->(initial:Model)
OPTIONAL MATCH (run)-[:PRODUCED]->(model:Model)
OPTIONAL MATCH (run)-[:USED]->(questions:QRASet)
WITH run, initial, model, questions
ORDER BY questions.id
WITH run, initial, model, collect(questions.id) AS qra_set_ids
ORDER BY run.created_at DESC, run.id DESC
RETURN properties(run) AS run, qra_set_ids, initial.id AS started_from, model.id AS produced
