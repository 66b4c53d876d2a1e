// One object through time: the one with the most motions and cuts crossed, in the newest graph
MATCH (graph:Graph)
WITH graph
ORDER BY graph.created_at DESC, graph.id
LIMIT 1
MATCH (node:Object {graph_id: graph.id})-[edge:MOVES|SAME_AS]->(:Object)
WITH graph, node.entity_id AS entity_id, count(edge) AS edges
ORDER BY edges DESC, entity_id
LIMIT 1
MATCH (here:Object {graph_id: graph.id, entity_id: entity_id})-[edge:MOVES|SAME_AS]->(there:Object)
RETURN here, edge, there
ORDER BY edge.k
LIMIT 100
