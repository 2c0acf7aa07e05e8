-- One row a column of a public view: view, what it says, column, type, meaning. The best known view comes first.
SELECT view_name, view_comment, column_name, data_type, comment
FROM column_dictionary
ORDER BY view_name <> 'scored_catalog', view_name, position
