"""The engines: a folder each, with its part of a file's way and of a build, and one object that describes it."""
