"""keyring."""
