-- The catalog is what names mean; and what an analyst's connection may not do: reach files or network, load
-- extensions.
USE catalog;
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET enable_external_access = false
