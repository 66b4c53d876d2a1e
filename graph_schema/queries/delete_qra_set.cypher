// A set of questions, and they with it.
// Params: $set_id STRING.  Returns: nothing
MATCH (questions:QRASet {id: $set_id})
CALL (questions) {
  MATCH (qra:QRA {set_id: questions.id})
  DETACH DELETE qra
}
DETACH DELETE questions
