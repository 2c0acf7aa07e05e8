-- One row a track and labeller, of those new or updated.
INSERT INTO aesthetic BY NAME
SELECT * EXCLUDE (entry, state), $as_of AS labelled_at FROM label_said WHERE state <> 'unchanged'
