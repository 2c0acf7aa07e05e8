-- For a connection that may open no files: a query too big for memory ends with just that message.
SET temp_directory = ''
