"""AWS: the functions, the Glue jobs, and how they are deployed."""
