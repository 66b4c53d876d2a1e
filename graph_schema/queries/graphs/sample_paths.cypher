// Seeded walks through one graph: from an answer outwards, never twice through one object. As it stands, walks of two edges;
// for n edges the part between the two lines of dashes stands n - 1 times.
// Params: $graph_id STRING, $rows LIST of {i INTEGER, k INTEGER, flip 0 or 1, r LIST of FLOAT in [0, 1), one for each edge after the first}.
// Returns: i, node_ids LIST of STRING, edges LIST of {id, type, from_id, to_id}
MATCH (graph:Graph {id: $graph_id})
WITH graph.edge_from AS source
UNWIND $rows AS row
MATCH (from:Object {id: source[row.k]})-[edge:RELATES|MOVES|SAME_AS]->(to:Object)
WHERE edge.k = row.k AND from.id <> to.id
WITH row,
     CASE row.flip WHEN 0 THEN to ELSE from END AS at,
     CASE row.flip WHEN 0 THEN [from.id, to.id] ELSE [to.id, from.id] END AS seen,
     [{id: edge.id, type: type(edge), from_id: from.id, to_id: to.id}] AS edges
// ----
CALL (row, at, seen) {
  MATCH (at)-[edge:RELATES|MOVES|SAME_AS]-(to:Object)
  WHERE NOT to.id IN seen
  WITH edge, to
  ORDER BY edge.k
  RETURN collect([edge, to]) AS free
}
WITH row, seen, edges, free[toInteger(row.r[size(seen) - 2] * size(free))] AS pick
WITH row,
     pick[1] AS at,
     CASE WHEN pick IS NULL THEN seen ELSE seen + [pick[1].id] END AS seen,
     CASE WHEN pick IS NULL THEN edges
          ELSE edges + [{id: pick[0].id, type: type(pick[0]), from_id: startNode(pick[0]).id, to_id: endNode(pick[0]).id}] END AS edges
// ----
RETURN row.i AS i, seen AS node_ids, edges
ORDER BY i
