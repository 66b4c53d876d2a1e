// What is in every graph, as a table
MATCH (graph:Graph)-[:OF]->(video:Video)
RETURN video.name AS video, graph.producer AS producer, graph.clip_count AS clips, graph.object_count AS objects,
       graph.relation_count AS relations, graph.motion_count AS motions, graph.reference_count AS references, graph.id AS graph
ORDER BY video, producer
