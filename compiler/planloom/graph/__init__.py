"""The order of a plan: linear extension, barriers, levels, critical path, cycles."""
