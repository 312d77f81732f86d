"""Care: what can be left over or go wrong around a project, found and repaired; and the race that proves a ledger exclusive."""
