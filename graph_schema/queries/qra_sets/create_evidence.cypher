// The objects that the steps of questions rest on.
// Params: $rows LIST of {qra_id, object_id, step}.  Returns: nothing
UNWIND $rows AS row
MATCH (qra:QRA {id: row.qra_id})
MATCH (object:Object {id: row.object_id})
CREATE (qra)-[:USES {step: row.step}]->(object)
