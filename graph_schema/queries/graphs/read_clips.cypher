// Clips of a graph, in time order.
// Params: $graph_id STRING.  Returns: clip MAP
MATCH (clip:Clip {graph_id: $graph_id})
RETURN properties(clip) AS clip
ORDER BY clip.index
