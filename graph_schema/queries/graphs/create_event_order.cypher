// Which event comes right before which.
// Params: $rows LIST of {from_id, to_id}.  Returns: nothing
UNWIND $rows AS row
MATCH (earlier:Event {id: row.from_id})
MATCH (later:Event {id: row.to_id})
CREATE (earlier)-[:BEFORE]->(later)
