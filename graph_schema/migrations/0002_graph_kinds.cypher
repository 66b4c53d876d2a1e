// Schema version 2: a graph says its kind and coordinate frame, as graph.json does. Version 1 had one kind, measured in fractions.
MATCH (graph:Graph) SET graph.schema_version = 2, graph.kind = 'stsg', graph.coordinate_frame = '{"dimensions": 2, "origin": "image", "unit": "fraction"}';
