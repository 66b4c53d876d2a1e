// How many edges a walk of this graph can open with.
// Params: $graph_id STRING.  Returns: edge_count INTEGER
MATCH (graph:Graph {id: $graph_id})
RETURN graph.edge_count AS edge_count
