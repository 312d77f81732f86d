"""The command line: parses, calls one function, shows the result."""
