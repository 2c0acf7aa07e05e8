-- The view "incoming" holds this batch's rows.
DELETE FROM audio USING incoming AS i WHERE audio.platform = i.platform AND audio.track_id = i.track_id
