// Graphs, newest first, from after a cursor; of one video or of all.
// Params: $video_id STRING or null, $created_at STRING or null, $id STRING or null, $limit INTEGER.  Returns: graph MAP, video_name STRING
MATCH (graph:Graph)-[:OF]->(video:Video)
WHERE ($video_id IS NULL OR graph.video_id = $video_id)
  AND ($created_at IS NULL OR graph.created_at < $created_at OR (graph.created_at = $created_at AND graph.id < $id))
RETURN graph {.id, .video_id, .producer, .cycle, .kind, .created_at, .clip_count, .object_count, .relation_count, .motion_count, .reference_count, .event_count} AS graph,
       video.name AS video_name
ORDER BY graph.created_at DESC, graph.id DESC
LIMIT $limit
