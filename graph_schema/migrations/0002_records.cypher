// Schema version 2. A graph says its kind and coordinate frame, as graph.json does. Version 1 had one kind, measured in fractions.
MATCH (graph:Graph) SET graph.schema_version = 2, graph.kind = 'stsg', graph.coordinate_frame = '{"dimensions": 2, "origin": "image", "unit": "fraction"}';
// When a job was made and changed is text in ISO 8601, as everywhere else. Version 1 had seconds since 1970, which no text is less than.
MATCH (job:Job) WHERE job.created_at < 1e300
SET job.created_at = replace(toString(datetime({epochMillis: toInteger(job.created_at * 1000)})), 'Z', '+00:00'),
    job.updated_at = replace(toString(datetime({epochMillis: toInteger(job.updated_at * 1000)})), 'Z', '+00:00');
