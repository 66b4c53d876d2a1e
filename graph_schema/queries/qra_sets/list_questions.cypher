// Questions of a set, in the order they were written, from after a position; -1: from the first.
// Params: $set_id STRING, $position INTEGER, $limit INTEGER.  Returns: qra MAP
MATCH (qra:QRA {set_id: $set_id})
WHERE qra.position > $position
RETURN properties(qra) AS qra
ORDER BY qra.position
LIMIT $limit
