"""One node at a time through the whole of minirt on a device, compared with the reference in float64."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.build.targets import default_target
from minirt.kernels.kernel import Target
from minirt.ops.evaluate import evaluate
from tests.gpu.cases import CASES, Array, Case
from tests.gpu.session import Session

pytestmark = pytest.mark.gpu
TOLERANCE = {"float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}
"""Of the largest element; a few roundings of the type, since inputs are exact in it."""

PARAMS = [pytest.param(c, t, id=f"{i}-{c.name}-{t}") for i, c in enumerate(CASES) for t in c.types]


def assert_near(found: Array, wanted: Array) -> None:
    """The same shape, the same whole numbers, and floats within the type's tolerance of the largest element."""
    assert found.shape == np.shape(wanted)
    bound = TOLERANCE.get(found.dtype.name)
    if bound is None:
        np.testing.assert_array_equal(found, np.asarray(wanted).astype(found.dtype))
        return
    a, b = found.astype(np.float64), np.asarray(wanted, np.float64)
    assert np.isfinite(a).all() == np.isfinite(b).all()
    scale = max(1e-3, float(np.abs(b).max(initial=0.0)))
    np.testing.assert_allclose(a, b, rtol=bound, atol=bound * scale)


def check(case: Case, dtype: str, target: Target) -> Session:
    """Builds, runs twice with different numbers, and compares each result."""
    rng = np.random.default_rng([*map(ord, case.name), len(dtype)])
    graph, feeds = case.graph(dtype, rng)
    session = Session(graph, target)
    for _ in range(2):
        for a, b in zip(session.run(feeds), evaluate(graph, feeds, wide=True), strict=True):
            assert_near(a, b)
        feeds = {n: np.ascontiguousarray(a[::-1]) if a.ndim else a for n, a in feeds.items()}
    return session


@pytest.mark.parametrize(("case", "dtype"), PARAMS)
def test_one_node(case: Case, dtype: str) -> None:
    target = default_target()
    assert target.kind == "cuda", "this tier needs a CUDA target"
    check(case, dtype, target)
