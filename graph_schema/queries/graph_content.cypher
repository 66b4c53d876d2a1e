// What a stored graph holds, as the hash of its record; no row if there is none.
// Params: $graph_id STRING.  Returns: content STRING
MATCH (graph:Graph {id: $graph_id})
RETURN graph.content AS content
