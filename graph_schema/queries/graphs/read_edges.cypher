// Relations, motions and references of a graph, by rank.
// Params: $graph_id STRING.  Returns: type STRING, from_id STRING, to_id STRING, edge MAP
MATCH (from:Object {graph_id: $graph_id})-[edge:RELATES|MOVES|SAME_AS]->(to:Object)
RETURN type(edge) AS type, from.id AS from_id, to.id AS to_id, properties(edge) AS edge
ORDER BY edge.k
