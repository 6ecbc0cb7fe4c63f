"""The keyring alone: keys for separate purposes that can be rotated. No extra and no database.

Run it: python examples/parts/keyring.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from deskmind.keyring import Keyring


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        keyring = Keyring.open(Path(folder) / "keyring.json")
        version, mac = keyring.mac("api-key", b"order 17")
        print(f"signed with version {version}: {keyring.verify('api-key', version, b'order 17', mac)}")
        print(f"altered: {keyring.verify('api-key', version, b'order 18', mac)}")
        newer = keyring.rotate("api-key")
        print(f"new signatures use version {newer.version}, versions {keyring.versions('api-key')} verify")
        print(f"the old signature still verifies: {keyring.verify('api-key', version, b'order 17', mac)}")
        print(f"secrets do not print: {newer!r}")


if __name__ == "__main__":
    main()
