// The model a training run produced. Twice equals once.
// Params: $id STRING, $model STRING, $now STRING.  Returns: nothing
MATCH (run:TrainingRun {id: $id})
MERGE (model:Model {id: $model})
ON CREATE SET model.name = $model, model.created_at = $now
MERGE (run)-[:PRODUCED]->(model)
