// Attributes of objects: each object has its own, or a walk could leave its graph through them.
// Params: $rows LIST of {object_id, properties}.  Returns: nothing
UNWIND $rows AS row
MATCH (object:Object {id: row.object_id})
CREATE (object)-[:HAS_ATTRIBUTE]->(attribute:Attribute)
SET attribute = row.properties
