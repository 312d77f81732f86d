"""Rules about plans, one a file; they yield diagnostics."""
