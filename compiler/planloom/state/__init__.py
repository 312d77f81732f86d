"""The state machine: what the records of a work item mean, and what may happen next. Pure."""
