"""database/embedded."""
