"""Casts of float32 to 8-bit floats by rules other than Cast's, from the numbers' bits."""

from __future__ import annotations

from collections.abc import Mapping

from minirt.kernels.kernel import Problem
from minirt.kernels.twin.recipe import Call, Data, Planned, Recipe, operand_data, register, split_text, strides_of
from minirt.ops.cast import NarrowCast
from minirt.plan.launch import Address
from minirt.types.dim import product
from minirt.types.dtype import f32, i32, u8

_FORMS = {  # mantissa, bias, greatest code, code of what is greater, code of NaN
    "f8e4m3": (3, 7, 0x7E, 0x7F, 0x7F), "f8e5m2": (2, 15, 0x7B, 0x7C, 0x7E),
    "f8e4m3fnuz": (3, 8, 0x7F, 0x80, 0x80), "f8e5m2fnuz": (2, 16, 0x7F, 0x80, 0x80),
}  # fmt: skip
_SMALL = """if size > 2139095040:
    code = NAN
else:
    if size >= LEAST:
        rest = size - BASE
        code = (rest + HALF - 1 + ((rest >> SHIFT) & 1)) >> SHIFT
    else:
        power = max(size >> 23, 1)
        man = (size & 8388607) + (8388608 if size >= 8388608 else 0)
        s = min(UNIT - power, 25)
        code = man >> s
        rest = man - (code << s)
        middle = 1 << (s - 1)
        if rest > middle or (rest == middle and code % 2 == 1):
            code = code + 1
    if code > MOST:
        code = OVER
"""
_SCALE = """power = (size >> 23) - 127
man = size & 8388607
if power == -127 and man > 0:
    power = -126
    while man < 8388608:
        man = man * 2
        power = power - 1
    man = man - 8388608
power = power + (1 if ABOVE else 0)
outside = power < -127 or power > 127 or size == 2139095040 or size == 0
code = min(max(power, -127), 127) + 127
if size == 0:
    code = 0
if size == 2139095040:
    code = 254
if size > 2139095040 or (outside and LOST):
    code = 255
"""
_ABOVE = {"up": "man > 0", "nearest": "man >= 4194304", "down": "man < 0"}


class NarrowCastRecipe(Recipe):
    """An element's bits become a code."""

    name = "NarrowCast"
    ops = (NarrowCast,)
    by_bits = True

    def rejects(self, problem: Problem) -> str:
        """Operands that are not float32: they are cast to it first."""
        op, (x,) = problem.op, problem.inputs
        assert isinstance(op, NarrowCast)
        if x.type.dtype is not f32:
            return "an operand that is not float32"
        return "" if op.to.name in (*_FORMS, "f8e8m0") else f"codes of {op.to}"

    def plan(self, problem: Problem) -> Planned:
        """One call."""
        op, (x,), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, NarrowCast)
        span = operand_data("in", 0, x).span
        data = {"x": Data(Address("in", 0), i32, span), "y": Data(Address("out", 0), u8, product(y.shape))}
        numbers = {**strides_of("x", x), **strides_of("y", y), **{f"n{k}": n for k, n in enumerate(y.shape)}}
        flags: dict[str, str | int] = {"to": op.to.name, "saturate": int(op.saturate), "mode": op.round_mode}
        return Planned([Call("narrow_cast", data, numbers, product(y.shape), {}, {**flags, "rank": y.type.rank}, 40)])

    def text(self, routine: str, flags: Mapping[str, str | int]) -> str:
        """The code of one number."""
        axes, to, saturate = range(int(flags["rank"])), str(flags["to"]), bool(flags["saturate"])
        text = split_text([f"c{k}" for k in axes], [f"n{k}" for k in axes]) if axes else ""
        at, put = (" + ".join(f"c{k} * {name}_{k}" for k in axes) or "0" for name in "xy")
        text += f"bits = x[{at}]\nsize = bits & 2147483647\ncode = 0\n"
        if to == "f8e8m0":
            text += _SCALE.replace("ABOVE", _ABOVE[str(flags["mode"])]).replace("LOST", str(not saturate))
            return f"{text}y[{put}] = code\n"
        mantissa, bias, most, over, nan = _FORMS[to]
        shift = 23 - mantissa
        named = {"LEAST": (128 - bias) << 23, "BASE": (127 - bias) << 23, "HALF": 1 << (shift - 1), "SHIFT": shift}
        named |= {"UNIT": 151 - bias - mantissa, "MOST": most, "OVER": most if saturate else over, "NAN": nan}
        body = _SMALL
        for name, value in named.items():
            body = body.replace(name, str(value))
        signed = "code > 0 and code < 128" if to.endswith("fnuz") else "True"
        return f"{text}{body}if bits < 0 and {signed}:\n    code = code + 128\ny[{put}] = code\n"


register(NarrowCastRecipe())
