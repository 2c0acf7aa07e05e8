-- One row a track and labeller.
INSERT INTO aesthetic BY NAME SELECT *, $as_of AS labelled_at FROM label_changed
