"""Load on a real service: ``make load ARGS=smoke`` runs a profile, see ``docs/load.md``."""
