// The story of the newest graph: what happens in each clip, in order, and who takes part
MATCH (graph:Graph)
WITH graph
ORDER BY graph.created_at DESC, graph.id
LIMIT 1
MATCH (clip:Clip {graph_id: graph.id})-[has:HAS_EVENT]->(event:Event)
OPTIONAL MATCH (participant:Object)-[part:TAKES_PART]->(event)
OPTIONAL MATCH (event)-[before:BEFORE]->(next:Event)
RETURN clip, has, event, part, participant, before, next
ORDER BY clip.index
LIMIT 100
