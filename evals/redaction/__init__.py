"""How well personal data is found in tickets: texts written for it, and peers on the same texts."""
