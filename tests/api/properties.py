"""What property-based tests of layers share: their settings, oracle, and how near is near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.ops.harness import one_node, run_ort

few = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
FLOATS = st.sampled_from([np.float32, np.float16])
TYPES = st.sampled_from([np.float32, np.float16, np.int32, np.int64])
TOLERANCE = {np.dtype(np.float16): 2e-2, np.dtype(np.float32): 1e-4}


def close(got: Any, wanted: Any) -> None:
    """Assert like shapes and types, and elements as near as the type allows."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    bound = TOLERANCE.get(wanted.dtype, 0.0)
    np.testing.assert_allclose(got.astype(np.float64), wanted.astype(np.float64), rtol=bound, atol=bound)


def onnx(op: str, *arrays: Any, **attributes: Any) -> Any:
    """Return onnxruntime's first result of one node."""
    return run_ort(one_node(op, arrays, **attributes), {f"x{i}": a for i, a in enumerate(arrays)})[0]


def ints(net: Any, values: Sequence[int], dtype: Any = np.int32) -> Any:
    """Return a constant tensor of rank 1."""
    return net.add_constant((len(values),), np.array(values, dtype)).get_output(0)


def axis_of(data: st.DataObject, rank: int) -> int:
    """Draw an axis."""
    return data.draw(st.integers(0, rank - 1))


