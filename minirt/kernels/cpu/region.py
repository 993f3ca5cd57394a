"""Scalar expressions inside kernel text: one call reads the operands at element j, computes, and writes the results.

A kernel's text says ``step = region('{...}')`` and calls ``step(j, ...)`` in its innermost loop.  The JSON has

- "body": the expressions (`minirt.ir.scalar.encode`),
- "args": for each operand "value" (passed as a number), or where it lies: "1" (element j of a row), "0" (one element
  for the whole row), "s" (element j * stride), and "1@k", "s@k" (the same, in the memory of result k),
- "outs": for each result "value" (returned) or "1" or "s",
- "coords": the coordinates that the body reads, as axes from the end.

The call takes j, each coordinate, then each operand (a number; an address; an address and a stride in elements), then
each written result (an address, or an address and a stride).

Loads and stores of one region are declared not to overlap except element by element (an operand may be the result's
own memory), so LLVM vectorises the loop without testing addresses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from minirt.ir.scalar import Body, decode
from minirt.kernels.cpu.printer import emit_body, load_value, store_value
from minirt.kernels.cpu.storage import held
from minirt.types.dtype import DType

_NUMBA = {
    "f32": types.float32, "f64": types.float64, "i8": types.int8, "i16": types.int16, "i32": types.int32,
    "i64": types.int64, "u8": types.uint8, "u16": types.uint16, "u32": types.uint32, "u64": types.uint64,
    "bool": types.boolean,
}  # fmt: skip


def region(text: str) -> Any:
    """The intrinsic that the JSON text describes."""
    spec = json.loads(text)
    body = decode(spec["body"])
    scopes = hashlib.sha256(text.encode()).hexdigest()[:12]
    signature = _signature(body, spec)

    def generate(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        emitted = _emit(builder, body, spec, scopes, list(values))
        if not emitted:
            return context.get_dummy_value()
        return emitted[0] if len(emitted) == 1 else context.make_tuple(builder, sig.return_type, emitted)

    return _intrinsic(signature, generate)


def _intrinsic(signature: Any, generate: Callable[..., Any]) -> Any:
    names = ", ".join(f"a{i}" for i in range(len(signature.args)))
    space: dict[str, Any] = {"made": (signature, generate)}
    exec(f"def call(context, {names}):\n    return made", space)
    return intrinsic(space["call"])


def _signature(body: Body, spec: dict[str, Any]) -> Any:
    given: list[Any] = [types.int64] + [types.int64] * len(spec["coords"])
    for dtype, place in zip(body.args, spec["args"], strict=True):
        given += [_NUMBA[dtype.name]] if place == "value" else [types.int64] * (1 + place.startswith("s"))
    returned = []
    for dtype, place in zip(body.dtypes, spec["outs"], strict=True):
        if place == "value":
            returned.append(_NUMBA[dtype.name])
        else:
            given += [types.int64] * (1 + place.startswith("s"))
    several: Any = types.Tuple
    result: Any = types.void if not returned else returned[0] if len(returned) == 1 else several(returned)
    return result(*given)


def _emit(builder: Any, body: Body, spec: dict[str, Any], scopes: str, values: list[Any]) -> list[Any]:
    """The results that are returned; the others are written."""
    marks = _Marks(builder.module, scopes, len(spec["outs"]))
    j = values.pop(0)
    coordinates = {axis: values.pop(0) for axis in spec["coords"]}
    operands = []
    for dtype, place in zip(body.args, spec["args"], strict=True):
        first = values.pop(0)
        if place == "value":
            operands.append(first)
            continue
        at = _element(builder, first, dtype, place, j, values)
        loaded = builder.load(at)
        marks.read(loaded, place.partition("@")[2])
        operands.append(load_value(builder, loaded, dtype))
    returned = []
    results = emit_body(builder, body, operands, coordinates)
    for number, (value, dtype, place) in enumerate(zip(results, body.dtypes, spec["outs"], strict=True)):
        if place == "value":
            returned.append(value)
            continue
        at = _element(builder, values.pop(0), dtype, place, j, values)
        marks.write(builder.store(store_value(builder, value, dtype), at), number)
    return returned


def _element(builder: Any, address: Any, dtype: DType, place: str, j: Any, values: list[Any]) -> Any:
    pointer = builder.inttoptr(address, held(dtype).as_pointer())
    if place == "0":
        return pointer
    return builder.gep(pointer, [builder.mul(j, values.pop(0)) if place.startswith("s") else j])


class _Marks:
    """Alias scopes: what a region reads, and each result that it writes."""

    def __init__(self, module: Any, name: str, outs: int) -> None:
        def text(value: str) -> Any:
            return ir.MetaDataString(module, value)

        domain = module.add_metadata((text(f"region {name}"),))
        inside = module.add_metadata((text(f"in {name}"), domain))
        written = [module.add_metadata((text(f"out {i} {name}"), domain)) for i in range(outs)]
        self.inside = module.add_metadata((inside,))
        self.own = [module.add_metadata((w,)) for w in written]
        self.others = [module.add_metadata((inside, *(w for w in written if w is not own))) for own in written]
        self.all = module.add_metadata(tuple(written)) if written else None

    def read(self, load: Any, result: str) -> None:
        if result:
            self.write(load, int(result))
            return
        load.set_metadata("alias.scope", self.inside)
        if self.all is not None:
            load.set_metadata("noalias", self.all)

    def write(self, access: Any, number: int) -> None:
        access.set_metadata("alias.scope", self.own[number])
        access.set_metadata("noalias", self.others[number])
