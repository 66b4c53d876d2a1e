// Clips of a graph.
// Params: $graph_id STRING, $rows LIST of MAP (the properties).  Returns: nothing
MATCH (graph:Graph {id: $graph_id})
UNWIND $rows AS row
CREATE (graph)-[:HAS_CLIP]->(clip:Clip)
SET clip = row
