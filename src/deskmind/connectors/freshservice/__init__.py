"""Freshservice, by its interface version 2."""

from deskmind.connectors.freshservice.connector import Freshservice, FreshserviceOptions

__all__ = ["Freshservice", "FreshserviceOptions"]
