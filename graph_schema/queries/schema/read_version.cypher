// The number of the last migration that ran here; 0 in an empty database.
// Params: none.  Returns: version INTEGER
MATCH (version:SchemaVersion)
RETURN coalesce(max(version.version), 0) AS version
