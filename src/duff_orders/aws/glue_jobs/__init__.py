"""The two Glue jobs: they read their arguments and call the floors below."""
