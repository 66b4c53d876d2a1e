// Remember that a migration ran. Twice equals once.
// Params: $version INTEGER, $name STRING, $now STRING.  Returns: nothing
MERGE (version:SchemaVersion {id: $version})
ON CREATE SET version.version = $version, version.name = $name, version.applied_at = $now
