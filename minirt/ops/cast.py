"""Casts: the only ops that change an element type."""

from __future__ import annotations


from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ir.scalar import Body, arg, cast
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.pointwise import Elementwise
from minirt.types.dtype import DTYPES, DType, from_onnx

_NUMERIC = tuple(d for d in DTYPES.values() if d.kind in "fiub")


class Cast(Elementwise):
    """The operand rounded to another element type; to bool: x != 0; to 8-bit floats: saturated."""

    dtypes = _NUMERIC
    to: DType

    def body(self, dtypes: tuple[DType, ...]) -> Body:
        """The cast."""
        if len(dtypes) != 1:
            raise MinirtError(f"Cast takes one operand, not {len(dtypes)}")
        if self.to not in _NUMERIC:
            raise MinirtError(f"numbers are not cast to {self.to}")
        return Body(dtypes, (cast(arg(0, dtypes[0]), self.to),))


def casted(x: Value, dtype: DType) -> Value:
    """x as ``dtype``; x itself where it has it."""
    return x if x.dtype is dtype else apply(Cast(dtype), x)


@importer("Cast")
def _cast(node: OnnxNode) -> Result:
    to = node.attributes["to"]
    names = {"FLOAT": 1, "DOUBLE": 11, "INT64": 7, "INT32": 6, "BOOL": 9, "FLOAT16": 10}  # opsets 1 to 5 name it
    return casted(node.input(0), from_onnx(names.get(to, 1) if isinstance(to, str) else int(to)))


@importer("CastLike")
def _cast_like(node: OnnxNode) -> Result:
    return casted(node.input(0), node.input(1).dtype)
