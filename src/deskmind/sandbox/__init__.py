"""Servers that speak other vendors' wire formats, for trying things out, tests and benchmarks.

`models` (model providers) and the ITSM vendors' packages each stand alone: they import nothing of deskmind outside
this package and offer nothing that the vendor lacks. `company` is what the ITSM sandboxes are filled with, `web` the
server that they have in common; `striking` says when a fault strikes, of either.
"""
