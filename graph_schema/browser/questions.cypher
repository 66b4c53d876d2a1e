// Three questions of the newest graph that has some, with the objects that each step rests on
MATCH (question:QRA)-[:FROM]->(graph:Graph)
WITH DISTINCT graph
ORDER BY graph.created_at DESC, graph.id
LIMIT 1
MATCH (question:QRA)-[:FROM]->(graph)
WITH question
ORDER BY question.steps DESC, question.id
LIMIT 3
MATCH (question)-[uses:USES]->(object:Object)
RETURN question, uses, object
ORDER BY question.id, uses.step
LIMIT 100
