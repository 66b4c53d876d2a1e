// A graph's video under the name and at the place it has now.
// Params: $graph_id STRING, $name STRING, $video STRING (JSON).  Returns: nothing
MATCH (graph:Graph {id: $graph_id})
SET graph.name = $name, graph.video = $video
