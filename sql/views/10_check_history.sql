-- One row a run, moment and check: what was found, newest run first.
CREATE OR REPLACE VIEW check_history AS
SELECT as_of, run_id, moment, check_name, severity, verdict, violations, first AS first_offenders, because
FROM check_result
ORDER BY as_of DESC, run_id, list_position(['ingest', 'score', 'train', 'snapshot'], moment), check_name;
COMMENT ON VIEW check_history IS 'What the checks of each run found: one row a run, moment and check.';
COMMENT ON COLUMN check_history.as_of IS 'The moment that stood for now in the run.';
COMMENT ON COLUMN check_history.run_id IS 'The run.';
COMMENT ON COLUMN check_history.moment IS 'After which stage it was checked: ingest, score or train; snapshot: before publishing.';
COMMENT ON COLUMN check_history.check_name IS 'The check: sql/checks/<check_name>.sql.';
COMMENT ON COLUMN check_history.severity IS 'warn, block, or block unless accepted by an operator for one run.';
COMMENT ON COLUMN check_history.verdict IS 'passed, warned, blocked (nothing was published) or accepted.';
COMMENT ON COLUMN check_history.violations IS 'How many rows break the rule.';
COMMENT ON COLUMN check_history.first_offenders IS 'The first few of them.';
COMMENT ON COLUMN check_history.because IS 'Why an operator accepted it; null when nobody had to.';
