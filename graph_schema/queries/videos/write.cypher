// A video, by its content. Written again it keeps its created_at and takes the newer name and uri.
// Params: $id STRING, $properties MAP, $now STRING.  Returns: nothing
MERGE (video:Video {id: $id})
ON CREATE SET video.created_at = $now
SET video += $properties
