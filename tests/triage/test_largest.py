"""The largest of many numbers: the same as sorting, whatever the numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deskmind.triage.largest import largest


@given(st.integers(0, 5_000), st.integers(0, 40), st.integers(1, 2_000), st.integers(0, 2**32 - 1))
def test_they_are_those_that_sorting_puts_first(count: int, wanted: int, different: int, seed: int) -> None:
    """Few ``different`` numbers make many equal ones."""
    values = np.random.default_rng(seed).integers(0, different, count).astype(np.float32)
    found = largest(values, wanted)
    assert len(set(found.tolist())) == len(found) == min(wanted, count)
    assert sorted(values[found].tolist()) == sorted(values.tolist())[max(count - wanted, 0) :]
