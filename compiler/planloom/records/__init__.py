"""What is signed and how it is written down: records, envelopes, the compiled plan."""
