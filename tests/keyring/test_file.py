"""The file: only its owner reads it, nobody overwrites what is broken, processes agree."""

import base64
import fcntl
import json
import multiprocessing
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from deskmind.errors import KeyringError
from deskmind.keyring import FileKeySource, Keyring


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "keyring.json"


def test_the_file_and_its_folder_are_for_the_owner_only(path: Path) -> None:
    Keyring.open(path).current("api-key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["keyring.json", "keyring.json.lock"]


def test_opening_alone_writes_nothing(path: Path) -> None:
    Keyring.open(path)
    assert not path.parent.exists()


def test_keys_survive_the_process(path: Path) -> None:
    version, mac = Keyring.open(path).mac("api-key", b"x")
    assert Keyring.open(path, create=False).verify("api-key", version, b"x", mac)


def test_a_missing_file_is_an_error_when_none_may_be_made(path: Path) -> None:
    with pytest.raises(KeyringError, match=r"no keyring in .*keyring\.json.*backup"):
        Keyring.open(path, create=False)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_file_that_others_may_reach_is_refused_with_the_command_to_run(path: Path, mode: int) -> None:
    Keyring.open(path).current("api-key")
    path.chmod(mode)
    with pytest.raises(KeyringError) as refused:
        Keyring.open(path)
    assert refused.value.remedy == f"chmod 600 {path}"
    assert f"{mode:04o}" in refused.value.why


def test_a_running_process_notices_that_others_may_read_the_file(path: Path) -> None:
    ring = Keyring.open(path)
    ring.current("api-key")
    path.chmod(0o644)
    with pytest.raises(KeyringError, match="can be read by others"):
        ring.current("api-key")


def test_links_folders_and_pipes_are_refused(path: Path, tmp_path: Path) -> None:
    Keyring.open(tmp_path / "real.json").current("api-key")
    path.parent.mkdir()
    path.symlink_to(tmp_path / "real.json")
    with pytest.raises(KeyringError, match="not a plain file"):
        Keyring.open(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(KeyringError, match="not a plain file"):
        Keyring.open(path)
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyringError, match="not a plain file"):
        Keyring.open(path)


def _stored(**changes: object) -> dict[str, object]:
    good: dict[str, object] = {
        "purpose": "api-key",
        "version": 1,
        "secret": base64.b64encode(bytes(range(32))).decode(),
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    return {**good, **changes}


_BROKEN = {
    "empty": b"",
    "cut": b'{"format": 1, "keys": [{"purpose": "api-key", "secret": "c2VjcmV0c2VjcmV0',
    "binary": b"\xff\xfe\x00",
    "list": b"[]",
    "null": b"null",
    "newer": json.dumps({"format": 2, "keys": []}).encode(),
    "keys missing": b'{"format": 1}',
    "keys a number": b'{"format": 1, "keys": 5}',
    "key a text": b'{"format": 1, "keys": ["x"]}',
    "short secret": json.dumps({"format": 1, "keys": [_stored(secret="c2VjcmV0")]}).encode(),
    "not base64": json.dumps({"format": 1, "keys": [_stored(secret="§")]}).encode(),
    "twice": json.dumps({"format": 1, "keys": [_stored(), _stored()]}).encode(),
    "version 0": json.dumps({"format": 1, "keys": [_stored(version=0)]}).encode(),
    "version a text": json.dumps({"format": 1, "keys": [_stored(version="1")]}).encode(),
    "purpose a number": json.dumps({"format": 1, "keys": [_stored(purpose=3)]}).encode(),
    "no time zone": json.dumps({"format": 1, "keys": [_stored(created_at="2026-01-01T00:00:00")]}).encode(),
}


@pytest.mark.parametrize("content", _BROKEN.values(), ids=_BROKEN.keys())
def test_a_broken_file_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    ring = Keyring.open(path)
    ring.current("api-key")
    path.write_bytes(content)
    with pytest.raises(KeyringError, match="broken") as opened:
        Keyring.open(path)
    with pytest.raises(KeyringError, match="broken"):
        ring.rotate("api-key")
    assert path.read_bytes() == content
    assert "c2VjcmV0" not in str(opened.value)
    assert opened.value.__context__ is None


def test_purposes_of_a_newer_release_are_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(json.dumps({"format": 1, "keys": [_stored(purpose="from-tomorrow")]}).encode())
    path.chmod(0o600)
    Keyring.open(path).rotate("api-key")
    assert {key["purpose"] for key in json.loads(path.read_bytes())["keys"]} == {"from-tomorrow", "api-key"}


def test_a_file_that_vanished_is_not_replaced_by_a_fresh_set(path: Path) -> None:
    ring = Keyring.open(path)
    ring.current("api-key")
    path.unlink()
    for attempt in (ring.current, ring.rotate):
        with pytest.raises(KeyringError, match="disappeared"):
            attempt("api-key")
    assert not path.exists()


def test_a_full_or_missing_place_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Keyring.open(path)
    ring.current("api-key")
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyringError, match="No space left"):
        ring.rotate("api-key")
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["keyring.json", "keyring.json.lock"]
    assert ring.versions("api-key") == (1,)


def test_a_folder_that_cannot_be_made_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ring = Keyring.open(tmp_path / "home" / "keyring.json")
    (tmp_path / "home").symlink_to(tmp_path / "file")
    with pytest.raises(KeyringError, match="--home"):
        ring.current("api-key")


def test_a_file_system_without_locks_is_an_error_that_names_the_option(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(_: int, __: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with pytest.raises(KeyringError, match=r"No locks available.*--home"):
        Keyring.open(path).current("api-key")


def test_what_a_killed_writer_left_does_not_matter(path: Path) -> None:
    Keyring.open(path).current("api-key")
    (path.parent / ".keyring.json.new").write_bytes(b"half")
    assert Keyring.open(path).rotate("api-key").version == 2
    assert not (path.parent / ".keyring.json.new").exists()


def test_a_lock_that_is_not_let_go_is_an_error_in_the_end(path: Path) -> None:
    with (
        FileKeySource(path).locked(),
        pytest.raises(KeyringError, match="locked by another process"),
        FileKeySource(path, lock_wait=0).locked(),
    ):
        pass
    with FileKeySource(path, lock_wait=0).locked():
        assert Path(f"{path}.lock").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_root_leaves_the_files_to_the_owner_of_the_folder(path: Path) -> None:
    path.parent.mkdir()
    os.chown(path.parent, 65534, 65534)
    Keyring.open(path).current("api-key")
    assert {entry.stat().st_uid for entry in path.parent.iterdir()} == {65534}


def test_a_path_that_leads_through_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyringError, match="cannot be read"):
        Keyring.open(tmp_path / "file" / "keyring.json")


def _create(path: Path) -> tuple[str, str]:
    ring = Keyring.open(path)
    return ring.current("scope-token").secret.hex(), ring.current("api-key").secret.hex()


def _rotate(path: Path) -> list[int]:
    ring = Keyring.open(path)
    return [ring.rotate("api-key").version for _ in range(5)]


def test_processes_creating_at_once_end_with_the_same_keys_and_lose_no_rotation(path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        keys = list(pool.map(_create, [path] * 6))
        versions = [version for made in pool.map(_rotate, [path] * 3) for version in made]
    assert len(set(keys)) == 1
    assert sorted(versions) == list(range(2, 17))
    ring = Keyring.open(path, create=False)
    assert ring.versions("api-key") == tuple(range(1, 17))
    assert ring.get("api-key", 1).secret.hex() == keys[0][1]
