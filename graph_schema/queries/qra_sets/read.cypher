// One set of questions, without the questions.
// Params: $set_id STRING.  Returns: questions MAP
MATCH (questions:QRASet {id: $set_id})
RETURN properties(questions) AS questions
