"""governance/access."""
