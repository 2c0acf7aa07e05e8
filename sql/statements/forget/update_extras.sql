-- The view "named" holds the unknown fields of tracks that stay, without those who are forgotten.
UPDATE track SET extra = n.extra::JSON FROM named AS n WHERE track.platform = $platform AND track.track_id = n.track_id
