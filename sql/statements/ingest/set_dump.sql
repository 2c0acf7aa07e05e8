-- Says which files are read next ($files), and when their counts were taken ($moment).
SET VARIABLE dump = {files: $files::VARCHAR[], moment: $moment::TIMESTAMPTZ}
