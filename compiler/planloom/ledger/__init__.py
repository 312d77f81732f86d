"""Where chains of records live: files, git refs, memory."""
