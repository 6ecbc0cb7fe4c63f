"""Commands against a service elsewhere: ``deskmind --server URL …``.

A command gets an application and a desk from ``deskmind.cli.session``; here are the ones that ask a service. A desk has
the same parts, with the methods that the HTTP API has a counterpart of; any other says that it cannot be done from afar.
"""

from deskmind.cli.remote.application import RemoteDeskmind

__all__ = ["RemoteDeskmind"]
