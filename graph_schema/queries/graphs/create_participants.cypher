// Who takes part in events.
// Params: $rows LIST of {object_id, event_id, properties}.  Returns: nothing
UNWIND $rows AS row
MATCH (object:Object {id: row.object_id})
MATCH (event:Event {id: row.event_id})
CREATE (object)-[part:TAKES_PART]->(event)
SET part = row.properties
