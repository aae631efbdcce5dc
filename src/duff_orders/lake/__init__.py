"""Where things lie, on disk and on S3."""
