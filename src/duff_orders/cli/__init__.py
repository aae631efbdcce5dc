"""The command line `duff`: options in, the Python API called, the result shown."""
