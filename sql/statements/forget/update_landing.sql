-- A landed file that was written anew under another name; whoever adopted that in between has left a row of its own.
UPDATE landing SET uri = $uri, sha256 = $sha256, pages = $pages WHERE source = $platform AND uri = $before
