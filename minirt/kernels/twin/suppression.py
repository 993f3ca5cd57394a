"""Non-maximum suppression: class by class the best box that is left, again and again.

On the CPU a class is one element of the range; on a GPU it is a block, whose threads share its boxes.  What was taken
is then counted over the classes, and written out in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from minirt.kernels.kernel import Problem
from minirt.kernels.twin.compaction import SCAN, indented, work
from minirt.kernels.twin.recipe import Call, Data, Planned, Recipe, operand_data, register, strides_of
from minirt.ops.detection import NonMaxSuppression
from minirt.plan.launch import Address
from minirt.types.dim import Dim, minimum, mul
from minirt.types.dtype import i32

_THREADS = 512


def corner_text(name: str, number: str, centre: bool) -> str:
    """Statements that read box ``number`` of image ``b``: corners, the lesser first, and its area."""
    text = f"from_{name} = b * boxes_0 + {number} * boxes_1\n"
    text += "".join(f"{name}{k} = boxes[from_{name} + {k} * boxes_2]\n" for k in range(4))
    if centre:
        text += f"x_{name} = {name}0\ny_{name} = {name}1\nw_{name} = {name}2 / 2.0\nh_{name} = {name}3 / 2.0\n"
        text += "".join(
            f"{name}{k} = {end}\n"
            for k, end in enumerate(
                (f"y_{name} - h_{name}", f"x_{name} - w_{name}", f"y_{name} + h_{name}", f"x_{name} + w_{name}")
            )
        )
    else:
        for low, high in ((0, 2), (1, 3)):
            text += f"w_{name} = {name}{low}\n{name}{low} = min(w_{name}, {name}{high})\n"
            text += f"{name}{high} = max(w_{name}, {name}{high})\n"
    return text + f"area_{name} = ({name}2 - {name}0) * ({name}3 - {name}1)\n"


_OVERLAP = """tall = max(min(p2, q2) - max(p0, q0), 0.0)
broad = max(min(p3, q3) - max(p1, q1), 0.0)
shared = tall * broad
whole = area_p + area_q - shared
hit = shared > overlap[0] * whole and whole > 0.0
"""


class SuppressionRecipe(Recipe):
    """Boxes in order of score, without those that overlap a better one."""

    name = "NonMaxSuppression"
    ops = (NonMaxSuppression,)
    shared: ClassVar[Mapping[str, str]] = {"tops": "r", "bests": "i"}

    def plan(self, problem: Problem) -> Planned:
        """Suppression within classes, a sum over them, and rows of the result."""
        op, (boxes, scores, most, overlap, least), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, NonMaxSuppression)
        images, classes, count = scores.shape
        groups = mul(images, classes)
        room = mul(groups, count)
        data = {"boxes": operand_data("in", 0, boxes), "scores": operand_data("in", 1, scores)}
        for i, (name, operand) in enumerate((("most", most), ("overlap", overlap), ("least", least))):
            data[name] = operand_data("in", 2 + i, operand)
        data["left"], data["taken"] = (Data(Address("work", i), i32, room) for i in (0, 1))
        data["counts"] = work(2, groups)
        numbers = {**strides_of("boxes", boxes), **strides_of("scores", scores), "classes": classes, "total": count}
        flags: Mapping[str, str | int] = {"centre": int(op.centre)}
        rows = {"taken": data["taken"], "counts": data["counts"], "y": operand_data("out", 0, y)}
        sizes: dict[str, Dim] = {"groups": groups, "classes": classes, "total": count}
        calls = [
            Call("suppress", data, numbers, groups, {}, flags, 1 << 20, True, _THREADS),
            Call("offsets", {"counts": data["counts"], "sum": work(3, 1)}, {"total": groups}, 1),
            Call("rows", rows, {**strides_of("y", y), **sizes}, y.shape[0]),
        ]
        room = mul(room, 4)
        most_kept = mul(groups, count if op.limit is None else minimum(count, op.limit))
        return Planned(calls, [room, room, mul(groups, 8), 8], 2, Address("work", 3), (most_kept,))

    def text(self, routine: str, flags: Mapping[str, str | int]) -> str:
        """One class, all classes, or one row."""
        if routine == "offsets":
            return SCAN
        if routine == "rows":
            return _ROWS
        centre, threads = bool(flags["centre"]), int(flags.get("block", 0))
        text = "b = e // classes\nstart = e * total\nrow = b * scores_0 + (e % classes) * scores_1\n"
        return text + (_shared_text(centre, threads) if threads else _alone_text(centre))


_ALONE = """m = 0
for i in range(total):
    s = scores[row + i * scores_2]
    if s > least[0]:
        left[start + m] = i
        m = m + 1
root = m // 2
while root > 0:
    root = root - 1
SIFT_LATER
kept = 0
root = 0
while m > 0 and kept < most[0]:
    best = left[start]
    m = m - 1
    left[start] = left[start + m]
SIFT
CORNERS_P
    hit = False
    j = 0
    while j < kept and not hit:
        last = taken[start + j]
        j = j + 1
CORNERS_Q
    if not hit:
        taken[start + kept] = best
        kept = kept + 1
counts[e] = kept
"""
_SIFT = """r = root
i = left[start + r]
s = scores[row + i * scores_2]
sinking = m > 0
while sinking and 2 * r + 1 < m:
    k = 2 * r + 1
    child = left[start + k]
    top = scores[row + child * scores_2]
    if k + 1 < m:
        other = left[start + k + 1]
        score = scores[row + other * scores_2]
        if score > top or (score == top and other < child):
            k = k + 1
            child = other
            top = score
    if top > s or (top == s and child < i):
        left[start + r] = child
        r = k
    else:
        sinking = False
left[start + r] = i
"""


def _alone_text(centre: bool) -> str:
    """One thread: a heap gives the best that is left, which is kept unless it overlaps one that was."""
    text = _ALONE.replace("SIFT_LATER\n", indented(_SIFT)).replace("SIFT\n", indented(_SIFT))
    text = text.replace("CORNERS_P\n", indented(corner_text("p", "best", centre)))
    return text.replace("CORNERS_Q\n", indented(corner_text("q", "last", centre) + _OVERLAP, 2))


_SHARED = """best = -1
top = 0.0
for i in range(lane, total, THREADS):
    s = scores[row + i * scores_2]
    if s > least[0]:
        left[start + i] = 1
        if best < 0 or s > top:
            best = i
            top = s
    else:
        left[start + i] = 0
kept = 0
going = 1
while going == 1 and kept < most[0]:
    tops[lane] = top
    bests[lane] = best
    sync()
    half = THREADS // 2
    while half > 0:
        if lane < half:
            other = bests[lane + half]
            mine = bests[lane]
            higher = tops[lane + half]
            own = tops[lane]
            if other >= 0 and (mine < 0 or higher > own or (higher == own and other < mine)):
                bests[lane] = other
                tops[lane] = higher
        sync()
        half = half // 2
    last = bests[0]
    sync()
    if last < 0:
        going = 0
    else:
        if lane == 0:
            taken[start + kept] = last
        kept = kept + 1
        best = -1
CORNERS_P
        for i in range(lane, total, THREADS):
            if left[start + i] > 0:
CORNERS_Q
                if hit or i == last:
                    left[start + i] = 0
                else:
                    s = scores[row + i * scores_2]
                    if best < 0 or s > top:
                        best = i
                        top = s
if lane == 0:
    counts[e] = kept
"""


def _shared_text(centre: bool, threads: int) -> str:
    """Many threads: each marks which of its boxes are left, and the block agrees on the best."""
    text = _SHARED.replace("THREADS", str(threads))
    text = text.replace("CORNERS_P\n", indented(corner_text("p", "last", centre), 2))
    return text.replace("CORNERS_Q\n", indented(corner_text("q", "i", centre) + _OVERLAP, 4))


_ROWS = """low = 0
high = groups - 1
while low < high:
    middle = (low + high + 1) // 2
    if counts[middle] <= e:
        low = middle
    else:
        high = middle - 1
y[e * y_0] = low // classes
y[e * y_0 + y_1] = low % classes
y[e * y_0 + 2 * y_1] = taken[low * total + e - counts[low]]
"""


register(SuppressionRecipe())
