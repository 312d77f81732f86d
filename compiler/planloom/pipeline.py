"""The compiler as one readable list of stages."""
