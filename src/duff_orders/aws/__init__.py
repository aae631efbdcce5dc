"""AWS: the functions, the Glue jobs, and the way there."""
