// Keyframes of a graph, in the order they were written.
// Params: $graph_id STRING.  Returns: keyframe MAP
MATCH (keyframe:Keyframe {graph_id: $graph_id})
RETURN properties(keyframe) AS keyframe
ORDER BY keyframe.clip_index, keyframe.position
