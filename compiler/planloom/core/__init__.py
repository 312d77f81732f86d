"""What every stage shares: errors, diagnostics, canonical JSON, names and the protocols of effects."""
