// Take the questions of a set away; the set stays, with the training runs that used it.
// Params: $set_id STRING.  Returns: nothing
MATCH (qra:QRA {set_id: $set_id})
DETACH DELETE qra
