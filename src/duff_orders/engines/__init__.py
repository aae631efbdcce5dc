"""The engines: each a folder with what it does of a file's way and of a build, and one object that says so."""
