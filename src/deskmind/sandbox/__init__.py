"""Servers that speak other vendors' wire formats, for trying things out, tests and benchmarks.

Each subpackage stands alone: it imports nothing else of deskmind and offers nothing that the vendor lacks.
"""
