"""Keys, the trust policy, the checkpoint and the offline verifier."""
