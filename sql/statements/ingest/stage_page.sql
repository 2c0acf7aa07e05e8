-- One row a body as received: a page, a line of a dump, a whole file. envelope says its shape, or why it has none.
CREATE OR REPLACE TEMP TABLE stage_page (observed_at TIMESTAMPTZ, url VARCHAR, body VARCHAR, envelope VARCHAR)
