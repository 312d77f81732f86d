"""The part of GitHub's workflow language that we emit, as values."""
