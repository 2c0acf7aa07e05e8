-- The predictions of a version that lie in the store from now on.
DELETE FROM prediction WHERE version = $version
