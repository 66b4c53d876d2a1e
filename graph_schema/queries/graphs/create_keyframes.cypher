// Keyframes of clips.
// Params: $rows LIST of {clip_id, properties}.  Returns: nothing
UNWIND $rows AS row
MATCH (clip:Clip {id: row.clip_id})
CREATE (clip)-[:HAS_KEYFRAME]->(keyframe:Keyframe)
SET keyframe = row.properties
