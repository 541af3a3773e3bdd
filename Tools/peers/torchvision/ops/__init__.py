"""Only boxes."""
