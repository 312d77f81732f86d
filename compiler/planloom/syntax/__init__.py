"""Bytes of YAML to nodes with a span for every key and value, or diagnostics."""
