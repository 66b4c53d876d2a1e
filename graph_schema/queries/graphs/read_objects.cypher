// Objects of a graph with their attributes and boxes, in the order they were written.
// Params: $graph_id STRING.  Returns: object MAP, attributes LIST of MAP, boxes LIST of {keyframe_id, box_xyxy, confidence}
MATCH (object:Object {graph_id: $graph_id})
OPTIONAL MATCH (object)-[:HAS_ATTRIBUTE]->(attribute:Attribute)
WITH object, attribute
ORDER BY attribute.position
WITH object, collect(attribute {.kind, .name, .confidence, .verified, .call_ids}) AS attributes
OPTIONAL MATCH (object)-[seen:SEEN_IN]->(keyframe:Keyframe)
WITH object, attributes, seen, keyframe
ORDER BY seen.position
WITH object, attributes,
     collect(CASE WHEN seen IS NULL THEN null ELSE {keyframe_id: keyframe.id, box_xyxy: seen.box_xyxy, confidence: seen.confidence} END) AS boxes
RETURN properties(object) AS object, attributes, boxes
ORDER BY object.position
