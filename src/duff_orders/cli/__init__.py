"""The command line `duff`: parses options, calls the Python API and prints the result."""
