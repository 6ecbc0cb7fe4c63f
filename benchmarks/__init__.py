"""Speed, measured on this machine: ``python -m benchmarks`` writes ``results/latest.json`` and ``results/latest.md``."""
