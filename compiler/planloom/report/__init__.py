"""Results as people and programs read them: text, tables, JSON, annotations."""
