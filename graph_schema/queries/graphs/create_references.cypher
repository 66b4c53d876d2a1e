// Reference edges: one object in two clips.
// Params: $rows LIST of {from_id, to_id, properties}; properties.k is the edge's rank in its graph.  Returns: nothing
UNWIND $rows AS row
MATCH (from:Object {id: row.from_id})
MATCH (to:Object {id: row.to_id})
CREATE (from)-[edge:SAME_AS]->(to)
SET edge = row.properties
