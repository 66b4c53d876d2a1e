// Events of a graph with those who take part, in the order they were written.
// Params: $graph_id STRING.  Returns: event MAP, participants LIST of {object_id, role}
MATCH (event:Event {graph_id: $graph_id})
OPTIONAL MATCH (object:Object)-[part:TAKES_PART]->(event)
WITH event, object, part
ORDER BY part.position
WITH event, collect(CASE WHEN object IS NULL THEN null ELSE {object_id: object.id, role: part.role} END) AS participants
RETURN properties(event) AS event, participants
ORDER BY event.clip_index, event.position
