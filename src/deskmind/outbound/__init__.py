"""Connections to the outside that go only where they may: names are resolved once, and looked at before anything is sent."""

from deskmind.outbound.addresses import Networks, address_permitted, literal_refused
from deskmind.outbound.session import guarded_session

__all__ = ["Networks", "address_permitted", "guarded_session", "literal_refused"]
