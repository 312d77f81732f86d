"""Nodes to plans: values with their types, each with its place."""
