// What one keyframe shows: the one with the most objects in the newest graph
MATCH (graph:Graph)
WITH graph
ORDER BY graph.created_at DESC, graph.id
LIMIT 1
MATCH (keyframe:Keyframe {graph_id: graph.id})<-[seen:SEEN_IN]-(:Object)
WITH keyframe, count(seen) AS objects
ORDER BY objects DESC, keyframe.time_seconds
LIMIT 1
MATCH (object:Object)-[seen:SEEN_IN]->(keyframe)
OPTIONAL MATCH (object)-[has:HAS_ATTRIBUTE]->(attribute:Attribute)
RETURN keyframe, seen, object, has, attribute
LIMIT 200
