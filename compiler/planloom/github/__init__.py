"""GitHub: setting a repository up so that plans run there, and checking that it still is."""
