// Objects and the relations between them, clip by clip, in the newest graph
// Only the moments that a relation or a cut joins; the others are in one_object.cypher.
MATCH (graph:Graph)
WITH graph
ORDER BY graph.created_at DESC, graph.id
LIMIT 1
MATCH (subject:Object {graph_id: graph.id})-[edge:RELATES|SAME_AS]->(object:Object)
MATCH (subject)-[subject_in:IN_CLIP]->(subject_clip:Clip)
MATCH (object)-[object_in:IN_CLIP]->(object_clip:Clip)
RETURN subject, edge, object, subject_in, subject_clip, object_in, object_clip
ORDER BY edge.k
LIMIT 100
