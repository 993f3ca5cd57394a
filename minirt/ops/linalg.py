"""Linear algebra beyond products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, apply, same_dim
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.types.dtype import FLOATS
from minirt.types.tensor import Tensor, Type


class Det(Op):
    """Determinants of matrices [..., M, M]."""

    dtypes = FLOATS

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The leading axes."""
        (x,) = inputs
        if x.rank < 2:
            raise MinirtError(f"a matrix has rank 2 or more, not {x.rank}")
        same_dim(x.shape[-2], x.shape[-1], "sides of the matrix")
        return (Tensor(x.dtype, x.shape[:-2]),)

    def reference(self, *arrays: Any) -> Any:
        """By elimination, in float64."""
        x = np.asarray(arrays[0])
        return np.asarray(np.linalg.det(x.astype(np.float64))).astype(x.dtype)


@importer("Det")
def _det(node: OnnxNode) -> Result:
    return apply(Det(), node.input(0))
