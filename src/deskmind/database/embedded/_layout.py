"""Where everything of an embedded server lies, and the state its supervisor publishes."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from deskmind.database.embedded._processes import ProcessIdentity

__all__ = ["Layout", "ServerState", "write_private"]


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server that accepts connections, as its supervisor published it.

    Attributes:
        supervisor: the process that watches users and postmaster.
        postmaster: the server's first process.
        port: on 127.0.0.1.
        version: of PostgreSQL, such as ``18.6``.
    """

    supervisor: ProcessIdentity
    postmaster: ProcessIdentity
    port: int
    version: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below one home.

    Attributes:
        home: Deskmind's home, absolute.
        place: the folder that holds the data directory; below the home unless it had to be elsewhere.
    """

    home: Path
    place: Path

    @classmethod
    def of(cls, home: Path) -> Layout:
        """The layout of a home, whether or not anything exists there.

        Raises:
            OSError: the home cannot be read.
        """
        home = home.expanduser().resolve()
        root = home / "embedded"
        try:
            place = Path((root / "location").read_text("utf-8").strip())
        except FileNotFoundError:
            place = root
        return cls(home, place)

    @property
    def root(self) -> Path:
        """Our folder in the home."""
        return self.home / "embedded"

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.place / "data"

    @property
    def lock(self) -> Path:
        """Held while anybody joins, starts or stops."""
        return self.root / "lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.root / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor had to say, and the postmaster before its own log is open."""
        return self.root / "supervisor.log"

    @property
    def users(self) -> Path:
        """One locked file a user."""
        return self.root / "users"

    @property
    def password(self) -> Path:
        """The superuser's password, mode 0600."""
        return self.root / "password"

    @property
    def location(self) -> Path:
        """Names ``place`` if it is outside the home."""
        return self.root / "location"

    @property
    def state(self) -> Path:
        """The published state."""
        return self.root / "state.json"

    @property
    def title(self) -> str:
        """The ``cluster_name``: tells the processes of different homes apart in a process list."""
        return "deskmind-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:10]

    @property
    def initialised(self) -> bool:
        """Whether a complete cluster exists."""
        return (self.data / "PG_VERSION").exists()

    def read_state(self) -> ServerState | None:
        """What was last published; None if nothing, or nothing sensible. It may be out of date."""
        try:
            raw = json.loads(self.state.read_bytes())
            return ServerState(
                ProcessIdentity(int(raw["supervisor"]["pid"]), str(raw["supervisor"]["started"])),
                ProcessIdentity(int(raw["postmaster"]["pid"]), str(raw["postmaster"]["started"])),
                int(raw["port"]),
                str(raw["version"]),
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def publish(self, state: ServerState) -> None:
        """Make a state known, at once or not at all."""
        write_private(self.state, json.dumps(asdict(state)))

    def withdraw(self) -> None:
        """No server accepts connections."""
        self.state.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace a file with one only its owner can read, atomically and durably."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
