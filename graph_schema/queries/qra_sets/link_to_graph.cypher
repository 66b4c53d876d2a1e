// Hang the questions about a graph on it again, after it was written anew.
// Params: $graph_id STRING.  Returns: nothing
MATCH (graph:Graph {id: $graph_id})
MATCH (qra:QRA {graph_id: $graph_id})
CREATE (qra)-[:FROM]->(graph)
