// What touches something, and when, in every graph
MATCH (subject:Object)-[edge:RELATES {predicate: 'touches'}]->(object:Object)
RETURN subject, edge, object
ORDER BY edge.start_seconds
LIMIT 100
