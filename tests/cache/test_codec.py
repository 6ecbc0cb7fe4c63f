"""Values survive their codecs, and nothing else is taken for one."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import BaseModel, Field, computed_field

from deskmind.cache import Codec, Float32Codec, JsonCodec, ValkeyTier
from deskmind.cache.frame import pack, unpack
from deskmind.cache.names import Namespace
from deskmind.cache.tier import Record
from deskmind.errors import MissingExtraError, UncacheableValueError


class Passage(BaseModel):
    chunk_id: int = Field(alias="chunkId", ge=0)
    found_at: datetime

    @computed_field
    def doubled(self) -> int:
        return self.chunk_id * 2


@dataclass(frozen=True)
class Ticket:
    number: int
    tags: frozenset[str]


@given(st.integers(0), st.datetimes(timezones=st.just(UTC)))
def test_models_with_aliases_and_computed_fields_come_back_equal(number: int, when: datetime) -> None:
    codec = JsonCodec(list[Passage])
    value = [Passage(chunkId=number, found_at=when)]
    assert codec.decode(codec.encode(value)) == value


@given(st.integers(), st.frozensets(st.text()))
def test_dataclasses_come_back_equal(number: int, tags: frozenset[str]) -> None:
    codec = JsonCodec(Ticket)
    assert codec.decode(codec.encode(Ticket(number, tags))) == Ticket(number, tags)


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)))
def test_arrays_come_back_bit_for_bit(array: np.ndarray) -> None:
    codec = Float32Codec()
    found = codec.decode(codec.encode(array))
    assert (found.shape, found.tobytes()) == (array.shape, array.tobytes())


def test_an_array_of_another_kind_is_refused() -> None:
    with pytest.raises(UncacheableValueError, match="ndarray"):
        Float32Codec().encode(np.zeros(3))  # type: ignore[arg-type]


def test_formats_tell_types_apart_and_stay_the_same() -> None:
    kinds = [int, str, list[int], Ticket, Passage, dict[str, int]]
    assert len({JsonCodec(kind).format for kind in kinds}) == len(kinds)
    assert JsonCodec(Passage).format == JsonCodec(Passage).format


def test_the_shipped_codecs_fit_the_protocol() -> None:
    assert isinstance(JsonCodec(int), Codec)
    assert isinstance(Float32Codec(), Codec)


def test_the_estimate_covers_what_small_objects_take() -> None:
    codec = JsonCodec(list[dict[str, int]])
    value = [{"a": number} for number in range(1000)]
    taken = sum(sys.getsizeof(row) for row in value) + sys.getsizeof(value)
    assert codec.memory(codec.encode(value)) >= taken


@given(st.binary(max_size=300), st.uuids())
def test_any_bytes_are_either_a_frame_of_the_name_or_nothing(data: bytes, tenant: object) -> None:
    space = Namespace(tenant, "texts")  # type: ignore[arg-type]
    assert unpack(space.key("k"), space.root, data) is None
    assert unpack(space.key("k"), space.root, b"V" + data) is None


@given(
    st.one_of(st.none(), st.binary(max_size=200)), st.lists(st.text(), unique=True, max_size=5), st.uuids()
)
def test_a_frame_says_what_was_packed_under_its_own_name_only(
    payload: bytes | None, tags: list[str], tenant: object
) -> None:
    space = Namespace(tenant, "texts")  # type: ignore[arg-type]
    names = tuple(space.tag(tag) for tag in tags)
    generations = tuple(bytes([number] * 8) for number in range(len(tags) + 1))
    record = Record(payload, "json:x", 2.5, names)
    data = pack(space.key("k"), record, generations)
    found = unpack(space.key("k"), space.root, data)
    assert found is not None
    assert (found.record, found.generations) == (record, generations)
    assert unpack(space.key("other"), space.root, data) is None


def test_without_redis_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(MissingExtraError, match=r"deskmind\[redis\]"):
        ValkeyTier("redis://localhost")


def test_importing_the_cache_does_not_load_redis() -> None:
    import subprocess

    code = "import sys, deskmind.cache; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
