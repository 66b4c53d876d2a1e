// From pixels to a checkpoint: videos, graphs, one question of each set and graph, training runs, models
MATCH (video:Video)<-[of:OF]-(graph:Graph)-[induced:INDUCED_BY]->(inducer:Model)
OPTIONAL MATCH (questions:QRASet)-[has:HAS_QRA]->(question:QRA)-[about:FROM]->(graph)
WITH video, of, graph, induced, inducer, questions, has, question, about
ORDER BY question.id
WITH video, of, graph, induced, inducer, questions, head(collect([has, question, about])) AS example
OPTIONAL MATCH (run:TrainingRun)-[used:USED]->(questions)
OPTIONAL MATCH (run)-[started:STARTED_FROM]->(initial:Model)
OPTIONAL MATCH (run)-[produced:PRODUCED]->(model:Model)
RETURN video, of, graph, induced, inducer, example, questions, used, run, started, initial, produced, model
ORDER BY graph.created_at DESC, graph.id
LIMIT 50
