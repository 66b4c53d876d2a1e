// Questions of a set, with the graph each is about.
// Params: $set_id STRING, $rows LIST of {graph_id, properties}.  Returns: nothing
MATCH (questions:QRASet {id: $set_id})
UNWIND $rows AS row
CREATE (questions)-[:HAS_QRA]->(qra:QRA)
SET qra = row.properties
WITH qra, row
MATCH (graph:Graph {id: row.graph_id})
CREATE (qra)-[:FROM]->(graph)
