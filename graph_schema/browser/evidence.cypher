// What each node and edge of the newest graph rests on: the model calls that made it, and what the model said when asked whether it is so
// `detected`: of an object, whether a detector beside the model (--boxes) sees it too; null where it cannot say.
// The calls are files in the data directory, calls/<two letters>/<call id>.json, with the prompt and every reply.
MATCH (graph:Graph)
WITH graph
ORDER BY graph.created_at DESC, graph.id
LIMIT 1
MATCH (object:Object {graph_id: graph.id})
OPTIONAL MATCH (object)-[:HAS_ATTRIBUTE]->(attribute:Attribute)
OPTIONAL MATCH (object)-[edge:RELATES|MOVES|SAME_AS]->(other:Object)
OPTIONAL MATCH (object)-[:TAKES_PART]->(event:Event)
UNWIND [
  {order: 0, kind: 'object', words: object.name, confidence: object.confidence, verified: object.verified,
   detected: object.detected, calls: object.call_ids},
  {order: 1, kind: 'attribute', words: object.name + ': ' + attribute.kind + ' ' + attribute.name, confidence: attribute.confidence,
   verified: attribute.verified, calls: attribute.call_ids},
  {order: 2, kind: toLower(type(edge)),
   words: object.name + ' ' + CASE type(edge) WHEN 'MOVES' THEN edge.motion WHEN 'RELATES' THEN edge.predicate + ' ' + other.name ELSE 'is the same as ' + other.name END,
   confidence: edge.confidence, verified: edge.verified, calls: edge.call_ids},
  {order: 3, kind: 'event', words: event.description, confidence: null, verified: event.verified, calls: event.call_ids}
] AS part
WITH DISTINCT object.clip_index AS clip, part.order AS position, part.kind AS kind, part.words AS words, part.confidence AS confidence,
     part.verified AS verified, part.detected AS detected, part.calls AS calls
WHERE words IS NOT NULL
RETURN clip, kind, words, confidence, verified, detected, calls
ORDER BY clip, position, words, calls
LIMIT 500
