// Where objects stand in keyframes.
// Params: $rows LIST of {object_id, keyframe_id, properties}.  Returns: nothing
UNWIND $rows AS row
MATCH (object:Object {id: row.object_id})
MATCH (keyframe:Keyframe {id: row.keyframe_id})
CREATE (object)-[seen:SEEN_IN]->(keyframe)
SET seen = row.properties
