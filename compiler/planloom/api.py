"""The library: one function a verb; imports what it needs when called."""
