// What happens in clips.
// Params: $rows LIST of {clip_id, properties}.  Returns: nothing
UNWIND $rows AS row
MATCH (clip:Clip {id: row.clip_id})
CREATE (clip)-[:HAS_EVENT]->(event:Event)
SET event = row.properties
