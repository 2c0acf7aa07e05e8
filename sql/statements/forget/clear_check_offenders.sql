-- Results without the offenders of $named; how many there were stays.
UPDATE check_result
SET first = list_filter(first, LAMBDA offender: NOT list_contains($named::VARCHAR[], offender))
WHERE list_has_any(first, $named::VARCHAR[])
