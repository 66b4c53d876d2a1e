// Sets of questions, newest first, from after a cursor.
// Params: $created_at STRING or null, $id STRING or null, $limit INTEGER.  Returns: questions MAP
MATCH (questions:QRASet)
WHERE $created_at IS NULL OR questions.created_at < $created_at OR (questions.created_at = $created_at AND questions.id < $id)
RETURN properties(questions) AS questions
ORDER BY questions.created_at DESC, questions.id DESC
LIMIT $limit
