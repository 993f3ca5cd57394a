"""Pointwise ops: each is one scalar function over broadcast operands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import OPS, Contents, Op, Value, apply, broadcast
from minirt.ir.scalar import Body, uses_index
from minirt.ir.scalar_numpy import run_body, symbolic
from minirt.ir.scalar_parse import ScalarFunction
from minirt.ops.importer import IMPORTERS, OnnxNode, Result
from minirt.types.dtype import DTYPES, DType
from minirt.types.tensor import Tensor, Type


class Elementwise(Op):
    """Base of ops that compute each element of broadcast operands alone: ``body`` says how."""

    def body(self, dtypes: tuple[DType, ...]) -> Body:
        """What one element of the result is, for operands of these types."""
        raise NotImplementedError

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """Operands broadcast against each other (NumPy rules)."""
        shape = broadcast(*(v.shape for v in inputs))
        return tuple(Tensor(d, shape) for d in self.body(tuple(v.dtype for v in inputs)).dtypes)

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """The body, element by element; ``wide`` computes floats in float64."""
        return run_body(self.body(tuple(t.dtype for t in types if isinstance(t, Tensor))), arrays, wide)

    def fold(self, *inputs: Value) -> Sequence[Contents | None] | None:
        """The scalar function over symbolic contents."""
        known = [v.contents for v in inputs]
        body = self.body(tuple(v.dtype for v in inputs))
        if any(k is None for k in known) or uses_index(body.results):
            return None
        spread: Sequence[Contents] = np.broadcast_arrays(*known)  # type: ignore[arg-type]
        out = np.empty(spread[0].shape, dtype=object)
        for place in np.ndindex(out.shape):
            out[place] = symbolic(body, [s.item(place) for s in spread])
            if out[place] is None:
                return None
        return (out,)


class Pointwise(Elementwise):
    """Base of the named pointwise ops.

    ``scalar(x, ..., field, ...)`` computes one element: first the operands, then fields by name.  All operands have
    one element type, which is the result's unless ``result`` says otherwise.
    """

    result: ClassVar[DType | None] = None
    function: ClassVar[ScalarFunction]
    operands: ClassVar[int] = 1

    def __init_subclass__(cls, onnx: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "scalar" in vars(cls):
            cls.function = ScalarFunction(vars(cls)["scalar"].__func__)
            cls.operands = sum(name not in cls.__dataclass_fields__ for name in cls.function.names)
        if onnx:
            IMPORTERS["", onnx] = cls.from_onnx

    def body(self, dtypes: tuple[DType, ...]) -> Body:
        """The scalar function, typed."""
        if len(dtypes) != self.operands:
            raise MinirtError(f"{self.name} takes {self.operands} operands, not {len(dtypes)}")
        if len(set(dtypes)) > 1:
            raise MinirtError(f"operands must have one element type, not {', '.join(map(str, dtypes))}")
        return _typed(self, dtypes)

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Result:
        """Attributes are fields of the same name."""
        known = cls.__dataclass_fields__
        fields = {k: v for k, v in node.attributes.items() if k in known}
        return apply(cls(**fields), *(node.input(i) for i in range(cls.operands)))


for _name in ("Elementwise", "Pointwise"):
    OPS.pop(_name)


class Map(Elementwise):
    """A fused pointwise region: several results, each a scalar expression over broadcast operands."""

    dtypes = tuple(d for d in DTYPES.values() if d.kind in "fiub")
    region: Body

    def body(self, dtypes: tuple[DType, ...]) -> Body:
        """The region."""
        if dtypes != self.region.args:
            raise MinirtError(f"operands are {dtypes}, the region takes {self.region.args}")
        return self.region


@lru_cache(maxsize=4096)
def _typed(op: Pointwise, dtypes: tuple[DType, ...]) -> Body:
    return op.function.typed(dtypes, op.fields(), op.result or dtypes[0])
