// Everything in one clip: the clip with the most relations in the newest graph
MATCH (graph:Graph)
WITH graph
ORDER BY graph.created_at DESC, graph.id
LIMIT 1
MATCH (clip:Clip {graph_id: graph.id})<-[:IN_CLIP]-(:Object)-[edge:RELATES]->(:Object)
WITH clip, count(edge) AS relations
ORDER BY relations DESC, clip.index
LIMIT 1
MATCH (clip)<-[:IN_CLIP]-(from:Object)-[edge:RELATES|MOVES]->(to:Object)
RETURN from, edge, to
ORDER BY edge.k
LIMIT 100
