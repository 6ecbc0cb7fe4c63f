"""governance/audit."""
