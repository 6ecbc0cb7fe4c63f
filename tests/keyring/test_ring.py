"""What people rely on: old versions keep working, purposes stay apart, nothing prints."""

import copy
import hashlib
import hmac
import pickle
import threading

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deskmind.errors import KeyringError
from deskmind.keyring import PURPOSES, Key, Keyring, MemoryKeySource

purposes = st.sampled_from(sorted(PURPOSES))


@given(purposes, st.binary(max_size=200), st.integers(0, 4))
def test_what_an_old_version_signed_verifies_after_any_number_of_rotations(
    purpose: str, message: bytes, rotations: int
) -> None:
    ring = Keyring.open(MemoryKeySource())
    version, mac = ring.mac(purpose, message)
    for _ in range(rotations):
        ring.rotate(purpose)
    assert ring.verify(purpose, version, message, mac)
    assert ring.current(purpose).version == rotations + 1


@given(st.binary(max_size=50), st.binary(max_size=50), st.sampled_from(["api-key", "webhook"]))
def test_a_mac_fits_one_message_one_purpose_and_one_version(
    message: bytes, other: bytes, purpose: str
) -> None:
    ring = Keyring.open(MemoryKeySource())
    version, mac = ring.mac("api-key", message)
    ring.rotate("api-key")
    ring.current("webhook")
    assert ring.verify(purpose, version, other, mac) == (purpose == "api-key" and other == message)
    assert not ring.verify("api-key", version + 1, message, mac)
    assert not ring.verify("api-key", version, message, mac[:-1])


def test_the_mac_is_hmac_sha_256_of_the_current_key() -> None:
    ring = Keyring.open(MemoryKeySource())
    version, mac = ring.mac("api-key", b"message")
    assert mac == hmac.new(ring.get("api-key", version).secret, b"message", hashlib.sha256).digest()


def test_the_first_use_makes_a_key_that_stays() -> None:
    source = MemoryKeySource()
    first = Keyring.open(source).current("scope-token")
    again = Keyring.open(source, create=False).current("scope-token")
    assert (first.version, len(first.secret)) == (1, 32)
    assert first == again
    assert first.created_at.tzinfo is not None


def test_each_purpose_has_its_own_secret() -> None:
    ring = Keyring.open(MemoryKeySource())
    assert len({ring.current(purpose).secret for purpose in PURPOSES}) == len(PURPOSES)


@pytest.mark.parametrize("method", ["current", "versions", "rotate"])
def test_an_unknown_purpose_names_the_known_ones(method: str) -> None:
    ring = Keyring.open(MemoryKeySource())
    with pytest.raises(KeyringError, match=r"'tea' is not a purpose.*scope-token"):
        getattr(ring, method)("tea")


def test_a_version_that_never_was_is_an_error_when_got_and_false_when_verified() -> None:
    ring = Keyring.open(MemoryKeySource())
    with pytest.raises(KeyringError, match="no key api-key version 7"):
        ring.get("api-key", 7)
    assert ring.verify("api-key", 7, b"", b"") is False


def test_a_retired_version_is_gone_for_every_keyring_on_the_source() -> None:
    source = MemoryKeySource()
    ring, other = Keyring.open(source), Keyring.open(source)
    version, mac = ring.mac("api-key", b"x")
    assert other.verify("api-key", version, b"x", mac)
    ring.rotate("api-key")
    ring.retire("api-key", version)
    assert not other.verify("api-key", version, b"x", mac)
    assert other.versions("api-key") == (2,)


def test_the_current_version_and_an_unknown_one_cannot_be_retired() -> None:
    ring = Keyring.open(MemoryKeySource())
    ring.current("api-key")
    with pytest.raises(KeyringError, match="Rotate it first"):
        ring.retire("api-key", 1)
    with pytest.raises(KeyringError, match="version 2"):
        ring.retire("api-key", 2)
    assert ring.versions("api-key") == (1,)


def test_another_keyring_on_the_source_sees_a_rotation_at_once() -> None:
    source = MemoryKeySource()
    ring, other = Keyring.open(source), Keyring.open(source)
    ring.current("api-key")
    assert other.current("api-key") == ring.current("api-key")
    rotated = ring.rotate("api-key")
    assert other.current("api-key") == rotated
    assert other.get("api-key", 2) == rotated


def test_a_source_that_never_tells_of_changes_still_makes_no_second_first_key() -> None:
    class Silent(MemoryKeySource):
        def revision(self) -> object:
            return "always the same"

    source = Silent()
    ring, other = Keyring.open(source), Keyring.open(source)
    assert ring.current("api-key") == other.current("api-key")
    assert ring.rotate("api-key").version == other.rotate("api-key").version - 1 == 2


def test_threads_asking_at_once_get_the_same_key() -> None:
    source = MemoryKeySource()
    rings = [Keyring.open(source) for _ in range(4)]
    gate = threading.Barrier(8)
    got: list[Key] = []

    def ask(ring: Keyring) -> None:
        gate.wait()
        got.append(ring.current("pseudonym"))

    threads = [threading.Thread(target=ask, args=(rings[number % 4],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len({key.secret for key in got}) == 1


def test_secrets_neither_print_nor_travel() -> None:
    ring = Keyring.open(MemoryKeySource())
    key = ring.current("api-key")
    for shown in (repr(key), str(key), f"{key}", repr(ring), str(ring)):
        assert repr(key.secret)[2:-1] not in shown
        assert key.secret.hex() not in shown
    assert repr(ring) == "Keyring(api-key: 1)"
    for thing in (key, ring):
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="not pickled"):
                attempt(thing)


@given(st.binary(max_size=64), st.binary(max_size=64), st.integers(1, 200))
def test_subkeys_follow_rfc_5869_and_differ_by_what_they_are_for(
    info: bytes, other: bytes, length: int
) -> None:
    key = Key.generate("content-encryption", 1)
    extracted = hmac.digest(bytes(32), key.secret, hashlib.sha256)
    assert key.derive(info, length) == HKDFExpand(SHA256(), length, info).derive(extracted)
    assert (key.derive(info) == key.derive(other)) == (info == other)


class Rotation(RuleBasedStateMachine):
    """Two keyrings on one source, used in any order, agree with a plain model."""

    def __init__(self) -> None:
        super().__init__()
        source = MemoryKeySource()
        self.rings = (Keyring.open(source), Keyring.open(source))
        self.live: dict[int, bytes] = {}
        self.gone: dict[int, bytes] = {}

    @rule(which=st.integers(0, 1))
    def sign(self, which: int) -> None:
        version, mac = self.rings[which].mac("webhook", b"m")
        assert version == max(self.live, default=1)
        self.live[version] = mac

    @precondition(lambda self: self.live)
    @rule(which=st.integers(0, 1))
    def rotate(self, which: int) -> None:
        key = self.rings[which].rotate("webhook")
        assert key.version == max(self.live) + 1
        self.live[key.version] = key.mac(b"m")

    @precondition(lambda self: len(self.live) > 1)
    @rule(which=st.integers(0, 1))
    def retire_oldest(self, which: int) -> None:
        oldest = min(self.live)
        self.rings[which].retire("webhook", oldest)
        self.gone[oldest] = self.live.pop(oldest)

    @invariant()
    def both_accept_exactly_the_live_versions(self) -> None:
        for ring in self.rings:
            assert ring.versions("webhook") == tuple(sorted(self.live))
            assert all(ring.verify("webhook", version, b"m", mac) for version, mac in self.live.items())
            assert not any(ring.verify("webhook", version, b"m", mac) for version, mac in self.gone.items())


TestRotation = Rotation.TestCase
TestRotation.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
