"""Only functional."""
