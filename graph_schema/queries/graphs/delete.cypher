// Everything of one graph; its video, its model and the questions drawn from it stay.
// Params: $graph_id STRING.  Returns: nothing
MATCH (graph:Graph {id: $graph_id})
CALL (graph) {
  MATCH (:Object {graph_id: graph.id})-[:HAS_ATTRIBUTE]->(attribute:Attribute)
  DETACH DELETE attribute
}
CALL (graph) {
  MATCH (object:Object {graph_id: graph.id})
  DETACH DELETE object
}
CALL (graph) {
  MATCH (event:Event {graph_id: graph.id})
  DETACH DELETE event
}
CALL (graph) {
  MATCH (keyframe:Keyframe {graph_id: graph.id})
  DETACH DELETE keyframe
}
CALL (graph) {
  MATCH (clip:Clip {graph_id: graph.id})
  DETACH DELETE clip
}
DETACH DELETE graph
