"""Carrying out a plan: delegate, claim, exec, complete, collect. Reads only what was compiled."""
