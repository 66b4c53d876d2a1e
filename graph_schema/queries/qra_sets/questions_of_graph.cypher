// The questions about one graph, with the steps they rest on.
// Params: $graph_id STRING.  Returns: id STRING, rationale STRING (JSON)
MATCH (qra:QRA {graph_id: $graph_id})
RETURN qra.id AS id, qra.rationale AS rationale
ORDER BY id
