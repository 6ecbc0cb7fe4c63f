"""The OpenAPI document, completed in one place: security, headers, examples, links, what is going to be retired.

FastAPI says of an operation what its code says; what holds for all of them, and what a reader wants beyond, is added here.
"""

from deskmind.api.contract.completing import complete

__all__ = ["complete"]
