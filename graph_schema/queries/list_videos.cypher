// Videos, newest first, from after a cursor.
// Params: $created_at STRING or null, $id STRING or null, $limit INTEGER.  Returns: video MAP, graphs INTEGER
MATCH (video:Video)
WHERE $created_at IS NULL OR video.created_at < $created_at OR (video.created_at = $created_at AND video.id < $id)
WITH video
ORDER BY video.created_at DESC, video.id DESC
LIMIT $limit
OPTIONAL MATCH (graph:Graph)-[:OF]->(video)
WITH video, count(graph) AS graphs
RETURN properties(video) AS video, graphs
ORDER BY video.created_at DESC, video.id DESC
