"""Keys at rest under another key."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import KeyringError
from deskmind.keyring import AesGcmWrapper, FileKeySource, Keyring, WrappedKeySource

_KEY = bytes(range(32))


def _source(path: Path, key: bytes = _KEY) -> WrappedKeySource:
    return WrappedKeySource(FileKeySource(path), AesGcmWrapper(key))


def test_a_wrapped_file_holds_nothing_readable_and_opens_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    ring = Keyring.open(_source(path))
    ring.current("api-key")
    rotated = ring.rotate("api-key")
    assert b"api-key" not in path.read_bytes()
    again = Keyring.open(_source(path), create=False)
    assert again.current("api-key") == rotated
    again.retire("api-key", 1)
    assert ring.versions("api-key") == (2,)


def test_another_wrapping_key_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    Keyring.open(_source(path)).current("api-key")
    before = path.read_bytes()
    with pytest.raises(KeyringError, match="cannot be unwrapped"):
        Keyring.open(_source(path, bytes(32)))
    assert path.read_bytes() == before


def test_a_missing_wrapped_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match=r"keyring\.json"):
        Keyring.open(_source(tmp_path / "keyring.json"), create=False)


def test_a_plain_file_is_not_taken_for_a_wrapped_one_nor_the_other_way_round(tmp_path: Path) -> None:
    Keyring.open(tmp_path / "plain.json").current("api-key")
    Keyring.open(_source(tmp_path / "wrapped.json")).current("api-key")
    with pytest.raises(KeyringError, match="cannot be unwrapped"):
        Keyring.open(_source(tmp_path / "plain.json"))
    with pytest.raises(KeyringError, match="broken"):
        Keyring.open(tmp_path / "wrapped.json")


@given(st.binary(max_size=500), st.data())
def test_what_is_wrapped_comes_back_and_any_change_is_noticed(plain: bytes, data: st.DataObject) -> None:
    wrapper = AesGcmWrapper(_KEY)
    wrapped = wrapper.wrap(plain)
    assert wrapper.unwrap(wrapped) == plain
    at = data.draw(st.integers(0, len(wrapped) - 1))
    changed = bytearray(wrapped)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(KeyringError):
        wrapper.unwrap(bytes(changed))
    with pytest.raises(KeyringError):
        wrapper.unwrap(wrapped[:at])


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_wrapping_key_of_the_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(KeyringError, match=f"{length} bytes"):
        AesGcmWrapper(bytes(length))
