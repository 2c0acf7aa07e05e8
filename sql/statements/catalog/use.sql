-- The catalog that names are looked up in.
USE {{catalog}}
