// One video.
// Params: $id STRING.  Returns: video MAP
MATCH (video:Video {id: $id})
RETURN properties(video) AS video
