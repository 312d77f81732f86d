"""Serving editors: what the compiler knows of a plan, while it is being written."""
