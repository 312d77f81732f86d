"""Making a plan from what somebody has already."""
