"""TfIdfVectorizer of numbers against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.errors import MinirtError
from tests.ops.harness import check, check_symbolic

POOL: dict[str, Any] = {
    "ngram_counts": [0, 4], "ngram_indexes": [2, 0, 5, 1, 6, 3], "pool_int64s": [2, 3, 5, 4, 5, 6, 7, 8],
}  # fmt: skip
"""Four numbers and two pairs; column 4 belongs to none."""


@pytest.mark.parametrize("skips", [0, 1, 5])
@pytest.mark.parametrize("lengths", [(1, 1), (2, 2), (1, 2)])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_counts(lengths: tuple[int, int], skips: int, dtype: Any) -> None:
    rng = np.random.default_rng(skips)
    for shape in ((1,), (12,), (3, 9), (2, 1)):
        x = rng.integers(2, 9, shape).astype(dtype)
        check("TfIdfVectorizer", [x], mode="TF", min_gram_length=lengths[0], max_gram_length=lengths[1],
              max_skip_count=skips, **POOL)  # fmt: skip


@pytest.mark.parametrize("mode", ["IDF", "TFIDF"])
@pytest.mark.parametrize("weights", [{}, {"weights": [0.5, 2.0, 3.0, 0.25, 1.5, -1.0]}])
def test_weights(mode: str, weights: dict[str, list[float]]) -> None:
    x = np.random.default_rng(0).integers(2, 9, (4, 20))
    pool = {**POOL, "ngram_indexes": [2, 0, 4, 1, 5, 3]}
    check("TfIdfVectorizer", [x], mode=mode, min_gram_length=1, max_gram_length=2, max_skip_count=1,
          **{**pool, **weights})  # fmt: skip


def test_lengths_that_are_known_later() -> None:
    check_symbolic("TfIdfVectorizer", [("N", "C")], [{"N": 2, "C": 5}, {"N": 1, "C": 1}, {"N": 3, "C": 30}], mode="TF",
                   make=lambda shape: np.random.default_rng(1).integers(2, 9, shape),
                   min_gram_length=2, max_gram_length=2, max_skip_count=2, **POOL)  # fmt: skip


def test_text_is_refused() -> None:
    with pytest.raises(MinirtError, match="tokens as integers"):
        check("TfIdfVectorizer", [np.zeros(3, np.int64)], mode="TF", min_gram_length=1, max_gram_length=1,
              max_skip_count=0, ngram_counts=[0], ngram_indexes=[0], pool_strings=["a"])  # fmt: skip
