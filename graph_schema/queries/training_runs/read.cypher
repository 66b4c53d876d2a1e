// One training run and what it is joined to.
// Params: $id STRING.  Returns: run MAP, qra_set_ids LIST of STRING, started_from STRING, produced STRING or null
MATCH (run:TrainingRun {id: $id})-[:STARTED_FROM]->(initial:Model)
OPTIONAL MATCH (run)-[:PRODUCED]->(model:Model)
OPTIONAL MATCH (run)-[:USED]->(questions:QRASet)
WITH run, initial, model, questions
ORDER BY questions.id
RETURN properties(run) AS run, collect(questions.id) AS qra_set_ids, initial.id AS started_from, model.id AS produced
