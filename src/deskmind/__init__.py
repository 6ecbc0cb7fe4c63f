"""Deskmind."""
