// The node that everything of one graph hangs on, its video and the model that induced it.
// Params: $video_id STRING, $producer STRING, $properties MAP, $now STRING.  Returns: nothing
MATCH (video:Video {id: $video_id})
MERGE (model:Model {id: $producer})
ON CREATE SET model.name = $producer, model.created_at = $now
CREATE (graph:Graph)
SET graph = $properties
CREATE (graph)-[:OF]->(video), (graph)-[:INDUCED_BY]->(model)
