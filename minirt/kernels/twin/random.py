"""Random numbers by counting: Philox 4x32-10 of an element's number, the same on every target.

The generator is that of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).  Without a seed the key is
the time and the node's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from minirt.kernels.kernel import Problem
from minirt.kernels.twin.recipe import Call, Planned, Recipe, operand_data, register, split_text, strides_of
from minirt.ops.generate_random import KEYS, MULTIPLIERS, ROUNDS, Random, precision, seed_bits
from minirt.types.dim import Dim, product

_ROUND = """a = c0 * (FIRST & 65535)
b = c0 * (FIRST >> 16) + (a >> 16)
high0 = b >> 16
low0 = ((b & 65535) << 16) | (a & 65535)
a = c2 * (SECOND & 65535)
b = c2 * (SECOND >> 16) + (a >> 16)
high1 = b >> 16
low1 = ((b & 65535) << 16) | (a & 65535)
c0 = high1 ^ c1 ^ k0
c1 = low1
c2 = high0 ^ c3 ^ k1
c3 = low0
k0 = (k0 + KEY0) & 4294967295
k1 = (k1 + KEY1) & 4294967295
"""


class RandomRecipe(Recipe):
    """An element counts for itself."""

    name = "Random"
    ops = (Random,)

    def plan(self, problem: Problem) -> Planned:
        """One call."""
        op, (y,) = problem.op, problem.outputs
        assert isinstance(op, Random)
        numbers: dict[str, Dim] = {**strides_of("y", y), **{f"n{k}": n for k, n in enumerate(y.shape)}}
        numbers["key"] = crc32(problem.label.encode()) if op.seed is None else seed_bits(op.seed)
        timed, rank, bits = int(op.seed is None), y.type.rank, precision(op.dtype)
        flags: dict[str, str | int] = {"kind": op.kind, "timed": timed, "rank": rank, "bits": bits}
        return Planned(
            [Call("random", {"y": operand_data("out", 0, y)}, numbers, product(y.shape), {}, flags, 200, True)]
        )

    def text(self, routine: str, flags: Mapping[str, str | int]) -> str:
        """Rounds, then a number from the words."""
        axes, bits = range(int(flags["rank"])), int(flags["bits"])
        text = "c0 = e & 4294967295\nc1 = e >> 32\nc2 = 0\nc3 = 0\nk0 = key\nk1 = 0\n"
        if flags["timed"]:
            text += "time = ticks()\nk0 = k0 ^ (time & 4294967295)\nk1 = (time >> 32) & 4294967295\n"
        body = _ROUND.replace("FIRST", str(MULTIPLIERS[0])).replace("SECOND", str(MULTIPLIERS[1]))
        body = body.replace("KEY0", str(KEYS[0])).replace("KEY1", str(KEYS[1]))
        text += f"for r in range({ROUNDS}):\n" + "".join(f"    {line}\n" for line in body.splitlines())
        if flags["kind"] == "uniform":
            text += f"value = {_fraction('c0', 'c1', bits)}\n"
        else:
            bits = max(24, bits)
            text += f"u = {_fraction('c0', 'c1', bits)} + {2.0**-bits!r}\nv = {_fraction('c2', 'c3', bits)}\n"
            text += "value = sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v)\n"
        text += split_text([f"i{k}" for k in axes], [f"n{k}" for k in axes]) if axes else ""
        return text + f"y[{' + '.join(f'i{k} * y_{k}' for k in axes) or '0'}] = value\n"


def _fraction(first: str, second: str, bits: int) -> str:
    """A number in [0, 1) of so many bits."""
    if bits <= 32:
        return f"real({first} >> {32 - bits}) * {2.0**-bits!r}"
    return f"(real({first}) * {2.0 ** (bits - 32)!r} + real({second} >> {64 - bits})) * {2.0**-bits!r}"


register(RandomRecipe())
