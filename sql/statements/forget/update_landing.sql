-- A landed file that was written anew under another name.
UPDATE landing SET uri = $uri, sha256 = $sha256, pages = $pages WHERE source = $platform AND uri = $before
