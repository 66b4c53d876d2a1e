// One self-training run.
// Params: $id STRING.  Returns: run MAP
MATCH (run:SelfTrainingRun {id: $id})
RETURN properties(run) AS run
