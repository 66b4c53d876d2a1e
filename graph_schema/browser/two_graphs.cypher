// What only one of two graphs of a video says, by labels: + the later graph, - the earlier one
// The newest graph that has an earlier one of its video; for two others put {id: 'g…'} behind before:Graph and after:Graph.
MATCH (before:Graph)-[:OF]->(:Video)<-[:OF]-(after:Graph)
WHERE before.id <> after.id
WITH before, after
ORDER BY after.created_at DESC, before.created_at DESC, after.id, before.id
LIMIT 1
UNWIND [{graph_id: before.id, change: '-'}, {graph_id: after.id, change: '+'}] AS side
MATCH (object:Object {graph_id: side.graph_id})
OPTIONAL MATCH (object)-[edge:RELATES|MOVES]->(other:Object)
WITH side, object, edge, edge.predicate = 'touches' AND other.label < object.label AS turned, other
UNWIND [
  {kind: 'thing', words: object.label},
  {kind: 'relation', words: CASE WHEN turned THEN other.label ELSE object.label END + ' ' + edge.predicate + ' '
                            + CASE WHEN turned THEN object.label ELSE other.label END},
  {kind: 'motion', words: object.label + ' ' + edge.motion}
] AS said
WITH said.kind AS kind, said.words AS words, collect(DISTINCT side.change) AS changes, collect(DISTINCT side.graph_id) AS graphs
WHERE words IS NOT NULL AND size(changes) = 1
RETURN changes[0] AS change, kind, words, graphs[0] AS graph
ORDER BY kind, words
LIMIT 200
