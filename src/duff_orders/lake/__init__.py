"""Where things are stored, on disk and on S3."""
