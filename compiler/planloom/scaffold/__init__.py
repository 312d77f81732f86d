"""Laying down a project: examples, keys, trust policy, the folders that records lie in."""
