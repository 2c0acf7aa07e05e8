-- Versions whose files are gone from the store; their rows stay, as what they were.
UPDATE model_version SET removed_at = $as_of WHERE list_contains($versions, version) AND removed_at IS NULL
