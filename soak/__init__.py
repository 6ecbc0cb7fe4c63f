"""Long runs against real parts: ``make soak``."""
