// What a stored graph holds, as the hash of its record, and its video as the graph has it; no row if there is none.
// Params: $graph_id STRING.  Returns: content STRING, video STRING (JSON)
MATCH (graph:Graph {id: $graph_id})
RETURN graph.content AS content, graph.video AS video
