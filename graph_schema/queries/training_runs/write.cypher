// A training run, the model it started from and the sets it used. Twice equals once; the newer properties stay.
// Params: $id STRING, $properties MAP, $started_from STRING, $qra_set_ids LIST of STRING, $now STRING.  Returns: nothing
MERGE (run:TrainingRun {id: $id})
ON CREATE SET run.created_at = $now
SET run += $properties
MERGE (initial:Model {id: $started_from})
ON CREATE SET initial.name = $started_from, initial.created_at = $now
MERGE (run)-[:STARTED_FROM]->(initial)
WITH run
UNWIND $qra_set_ids AS qra_set_id
MATCH (questions:QRASet {id: qra_set_id})
MERGE (run)-[:USED]->(questions)
