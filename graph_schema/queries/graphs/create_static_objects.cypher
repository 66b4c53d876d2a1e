// Static objects of a graph, in their clips.
// Params: $rows LIST of {clip_id, properties}.  Returns: nothing
UNWIND $rows AS row
MATCH (clip:Clip {id: row.clip_id})
CREATE (object:Object:Static)
SET object = row.properties
CREATE (object)-[:IN_CLIP]->(clip)
