// The head of one graph.
// Params: $graph_id STRING.  Returns: graph MAP
MATCH (graph:Graph {id: $graph_id})
RETURN properties(graph) AS graph
