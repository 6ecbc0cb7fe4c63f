"""Written by scripts/client_code.py from the OpenAPI document; changes made here are lost."""
