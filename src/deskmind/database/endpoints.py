"""Which server, database and logins are used.

The application never runs as the database's owner or a superuser: from one administrator's address the
logins ``{prefix}_app``, ``{prefix}_jobs``, ``{prefix}_ledger`` and ``{prefix}_sealer`` follow, their passwords derived from the keyring, so that all
replicas that share the keyring agree on them and none is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deskmind.database._verifier import scram_verifier
from deskmind.errors import ConfigurationError
from deskmind.keyring import Keyring
from deskmind.settings import DatabaseSettings

__all__ = ["Endpoints", "Roles"]


@dataclass(frozen=True, slots=True)
class Roles:
    """The names of our roles in the cluster."""

    prefix: str

    @property
    def owner(self) -> str:
        """Owns every object; cannot log in."""
        return f"{self.prefix}_owner"

    @property
    def app(self) -> str:
        """The login of the running application."""
        return f"{self.prefix}_app"

    @property
    def jobs(self) -> str:
        """The login of the job system; sees queues, no tenant's rows."""
        return f"{self.prefix}_jobs"

    @property
    def ledger(self) -> str:
        """The login that books usage and leases budgets; reads no tenant's rows but budgets."""
        return f"{self.prefix}_ledger"

    @property
    def inspector(self) -> str:
        """Sees the server's statistics and no table; cannot log in."""
        return f"{self.prefix}_inspector"

    @property
    def sealer(self) -> str:
        """The login that seals the audit log; gives positions, adds checkpoints, reads events and nothing else."""
        return f"{self.prefix}_sealer"

    @property
    def logins(self) -> tuple[str, ...]:
        """Roles that can log in."""
        return (self.app, self.jobs, self.ledger, self.sealer)

    @property
    def offices(self) -> tuple[str, ...]:
        """Roles that only own functions or hold one right."""
        names = ("owner", "search", "system", "eraser", "privacy", "auditor", "surveyor", "inspector")
        return tuple(f"{self.prefix}_{name}" for name in names)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses for each of the logins; ``admin`` is None where the application holds no such right."""

    app: str = field(repr=False)
    jobs: str = field(repr=False)
    ledger: str = field(repr=False)
    sealer: str = field(repr=False)
    admin: str | None = field(repr=False)
    roles: Roles
    schema: str

    @classmethod
    def of(cls, settings: DatabaseSettings, keyring: Keyring, *, embedded: str | None = None) -> Endpoints:
        """Derive the logins.

        Args:
            settings: the ``[database]`` section.
            keyring: source of the derived passwords.
            embedded: the embedded server's superuser address, if it is used.

        Raises:
            ConfigurationError: an address is not a PostgreSQL address.
        """
        roles = Roles(settings.role_prefix)
        url = embedded or (settings.url.get_secret_value() if settings.url else "")
        given = _parse(url, settings)
        admin = settings.owner_url.get_secret_value() if settings.owner_url else None
        if given.get("user") == roles.app:
            app = make_conninfo(**given)
        else:
            admin = admin or make_conninfo(**given)
            app = _login(given, roles.app, keyring)
        return cls(
            app,
            _login(given, roles.jobs, keyring),
            _login(given, roles.ledger, keyring),
            _login(given, roles.sealer, keyring),
            admin,
            roles,
            settings.schema_name,
        )


def derived_password(keyring: Keyring, role: str) -> str:
    """The password of a login of ours, from the keyring (never stored)."""
    return keyring.current("database-role").derive(role.encode()).hex()


def derived_verifier(keyring: Keyring, role: str) -> str:
    """What the server keeps of that password, the same each time."""
    salt = keyring.current("database-role").derive(f"{role}:salt".encode())[:16]
    return scram_verifier(derived_password(keyring, role), salt)


def _login(given: dict[str, str], role: str, keyring: Keyring) -> str:
    return make_conninfo(**{**given, "user": role, "password": derived_password(keyring, role)})


def _parse(url: str, settings: DatabaseSettings) -> dict[str, str]:
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:
        raise ConfigurationError(
            "The database address is not one PostgreSQL understands.",
            why="database.url (DESKMIND_DATABASE_URL) or database.owner_url cannot be parsed.",
            remedy="Write it as postgresql://user:password@host:5432/database",
        ) from None
    parts.setdefault("connect_timeout", str(settings.connect_timeout))
    parts.setdefault("application_name", "deskmind")
    return parts
