// A self-training run, and the arms that it has so far: each a training run or the initial model. Twice equals once.
// Params: $id STRING, $properties MAP, $arms LIST of {arm STRING, cycle INTEGER or null, training_run_id STRING}, $now STRING.
// Returns: nothing
MERGE (run:SelfTrainingRun {id: $id})
ON CREATE SET run.created_at = $now
SET run += $properties
WITH run
UNWIND $arms AS row
MATCH (training:TrainingRun {id: row.training_run_id})
MERGE (run)-[has:HAS_ARM {arm: row.arm}]->(training)
SET has.cycle = row.cycle
