"""Means of float32: eight float32 partial sums, which take the elements in turn and meet as a tree.

So adds onnxruntime's ReduceMean (Eigen's sum of a row, in two packets of four), to the bit where eight divides the row.
The order shows where most of a row is one number, as the white of a page: there every addition rounds the same way, the
mean is off by up to 2e-5, and later layers amplify that; an exact mean would be as far from onnxruntime's.
Every ``CHUNK`` elements the partial sums go into a float64 total, which bounds the error of long means.
"""

from __future__ import annotations

LANES = 8
CHUNK = 1 << 16
"""Elements that are added in float32; a multiple of ``LANES``."""


def lanes_cleared(width: int = 1, place: str = "0") -> list[str]:
    """Statements that clear the partial sums, which lie ``width`` apart."""
    return [f"lanes[{k * width} + {place}] = float32(0)" for k in range(LANES)]


def _met(width: int = 1, place: str = "0") -> str:
    """The float32 sum of the partial sums."""
    a = [f"lanes[{k * width} + {place}]" for k in range(LANES)]
    return f"(({a[0]} + {a[4]}) + ({a[2]} + {a[6]})) + (({a[1]} + {a[5]}) + ({a[3]} + {a[7]}))"


def row_of_lanes(size: str, operands: str) -> list[str]:
    """The innermost loop of a row: ``size`` elements into the total ``acc``; what eight does not divide comes last."""
    return [
        f"for lead in range(0, {size}, {CHUNK}):",
        f"    after = min({size}, lead + {CHUNK})",
        f"    top = after - ((after - lead) & {LANES - 1})",
        *(f"    {line}" for line in lanes_cleared()),
        f"    for eighth in range(lead, top, {LANES}):",
        f"        for k in range({LANES}):",
        f"            lanes[k] = lanes[k] + value(eighth + k, {operands})",
        f"    part = {_met()}",
        "    for r in range(top, after):",
        f"        part = part + value(r, {operands})",
        "    acc = acc + float64(part)",
    ]


def block_of_lanes(width: int, operands: str) -> list[str]:
    """One element of each column from ``first`` to ``last``; ``turn`` counts the elements of a column."""
    return [
        f"shift = (turn & {LANES - 1}) * {width} - first",
        "for j in range(first, last):",
        f"    lanes[j + shift] = lanes[j + shift] + value(j, {operands})",
        "turn += 1",
        f"if turn & {CHUNK - 1} == 0:",
        *(f"    {line}" for line in block_gathered(width)),
    ]


def block_gathered(width: int) -> list[str]:
    """The partial sums of a block of columns into the totals ``acc``, and cleared."""
    met = f"acc[k] = acc[k] + float64({_met(width, 'k')})"
    return ["for k in range(last - first):", *(f"    {line}" for line in [met, *lanes_cleared(width, "k")])]
