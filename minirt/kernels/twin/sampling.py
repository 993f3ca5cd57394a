"""Reads at places that the data give: GridSample, the taps of deformable convolutions, pooling of regions."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product as product_of

from minirt.kernels.kernel import Operand, Problem
from minirt.kernels.twin.recipe import Call, Planned, Recipe, operand_data, register, split_text, strides_of
from minirt.ops.detection import MaxRoiPool, RoiAlign
from minirt.ops.sampling import DeformTaps, GridSample
from minirt.types.dim import Dim, product

Flags = Mapping[str, str | int]
_FAR = 1 << 24


def clamped(name: str, size: str) -> str:
    """A statement that keeps a real place near the axis, so that whole places fit their type; NaN goes outside."""
    return f"{name} = {name} if {name} > -4.0 and {name} < real({size}) + 4.0 else -4.0\n"


def places(operand: Operand) -> dict[str, Dim]:
    """Sizes ``size0`` .. of an operand's spatial axes."""
    return {f"size{k}": n for k, n in enumerate(operand.shape[2:])}


class GridSampleRecipe(Recipe):
    """An element for each place of the result, which does all its channels."""

    name = "GridSample"
    ops = (GridSample,)

    def plan(self, problem: Problem) -> Planned:
        """One call over images and places."""
        op, (x, grid), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, GridSample)
        rank = x.type.rank - 2
        data = {"x": operand_data("in", 0, x), "grid": operand_data("in", 1, grid), "y": operand_data("out", 0, y)}
        numbers = {**strides_of("x", x), **strides_of("grid", grid), **strides_of("y", y), **places(x)}
        numbers |= {f"out{k}": n for k, n in enumerate(y.shape[2:])} | {"channels": x.shape[1]}
        flags: Flags = {"mode": op.mode, "padding": op.padding, "corners": int(op.align_corners), "rank": rank}
        count = product([y.shape[0], *y.shape[2:]])
        cost = 20 * problem.likely(x.shape[1]) * (4 if op.mode == "cubic" else 2) ** rank
        return Planned([Call("grid_sample", data, numbers, count, {}, flags, cost)])

    def text(self, routine: str, flags: Flags) -> str:
        """Places, taps and weights along each axis, then channels."""
        rank, mode, padding, corners = int(flags["rank"]), flags["mode"], str(flags["padding"]), bool(flags["corners"])
        axes = range(rank)
        text = split_text(["n", *(f"o{k}" for k in axes)], ["", *(f"out{k}" for k in axes)])
        row = " + ".join(["n * grid_0", *(f"o{k} * grid_{k + 1}" for k in axes)])
        for k in axes:
            text += f"p{k} = grid[{row} + {rank - 1 - k} * grid_{rank + 1}]\n"
            size = f"real(size{k})"
            text += (
                f"p{k} = (p{k} + 1.0) / 2.0 * ({size} - 1.0)\n"
                if corners
                else f"p{k} = ((p{k} + 1.0) * {size} - 1.0) / 2.0\n"
            )
            if mode != "cubic":
                text += inside(f"p{k}", f"size{k}", padding, corners)
            elif padding != "zeros":
                text += f"p{k} = p{k} if p{k} > -{_FAR}.0 and p{k} < {_FAR}.0 else -1.0\n"
            if mode != "cubic" or padding == "zeros":
                text += clamped(f"p{k}", f"size{k}")
            text += f"b{k} = round(p{k})\n" if mode == "nearest" else f"b{k} = floor(p{k})\n"
        return text + _taps(rank, str(mode), padding, corners)


def inside(name: str, size: str, padding: str, corners: bool) -> str:
    """Statements that move a real place into an axis as the padding says."""
    last = f"(real({size}) - 1.0)"
    if padding == "zeros":
        return ""
    text = ""
    if padding == "reflection":
        low, width = ("0.0", last) if corners else ("-0.5", f"real({size})")
        text += f"wide = {width}\naway = abs({name} - {low})\nfolds = floor(away / max(wide, 0.5))\n"
        text += "away = away - folds * wide\nodd = folds - 2.0 * floor(folds / 2.0)\n"
        text += f"{name} = away + {low} if odd < 0.5 else {low} + wide - away\n"
    return text + f"{name} = min(max({name}, 0.0), {last})\n"


def _taps(rank: int, mode: str, padding: str, corners: bool) -> str:
    """Offsets (-1 outside) and weights of the taps along each axis, then a loop over channels."""
    first, count = {"nearest": (0, 1), "linear": (0, 2), "cubic": (-1, 4)}[mode]
    text = f"to = {' + '.join(['n * y_0', *(f'o{k} * y_{k + 2}' for k in range(rank))])}\n"
    for k, t in product_of(range(rank), range(count)):
        text += f"r{k} = b{k} + {float(t + first)!r}\n"
        if mode == "linear":
            text += f"w{k}_{t} = 1.0 - abs(p{k} - r{k})\n"
        elif mode == "cubic":
            text += f"d = abs(p{k} - r{k})\n"
            text += "far = (((d - 5.0) * d + 8.0) * d - 4.0) * -0.75 if d < 2.0 else 0.0\n"
            text += f"w{k}_{t} = ((1.25 * d - 2.25) * d * d + 1.0) if d <= 1.0 else far\n"
        text += inside(f"r{k}", f"size{k}", padding, corners) + f"i{k}_{t} = int(r{k})\n"
        text += f"i{k}_{t} = i{k}_{t} * x_{k + 2} if i{k}_{t} >= 0 and i{k}_{t} < size{k} else -1\n"
    text += "for c in range(channels):\n    start = n * x_0 + c * x_1\n    sum = 0.0\n"
    for tap in product_of(*[range(count)] * rank):
        names = [f"{k}_{t}" for k, t in enumerate(tap)]
        weight = "" if mode == "nearest" else "".join(f"w{n} * " for n in names)
        value = f"{weight}x[start + {' + '.join(f'i{n}' for n in names)}]"
        if padding == "zeros":
            value = f"({value} if {' and '.join(f'i{n} >= 0' for n in names)} else 0.0)"
        text += f"    sum = sum + {value}\n"
    return text + "    y[to + c * y_1] = sum\n"


class DeformTapsRecipe(Recipe):
    """An element for each channel, tap and place."""

    name = "DeformTaps"
    ops = (DeformTaps,)

    def plan(self, problem: Problem) -> Planned:
        """One call."""
        op, (x, moves, *masks), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, DeformTaps)
        data = {"x": operand_data("in", 0, x), "moves": operand_data("in", 1, moves), "y": operand_data("out", 0, y)}
        numbers = {**strides_of("x", x), **strides_of("moves", moves), **strides_of("y", y), **places(x)}
        for mask in masks:
            data["mask"] = operand_data("in", 2, mask)
            numbers |= strides_of("mask", mask)
        numbers |= {"channels": x.shape[1], "taps": y.shape[2], "out0": y.shape[3], "out1": y.shape[4]}
        numbers |= {"kw": op.kernel[1], "step0": op.strides[0], "step1": op.strides[1], "begin0": op.pads[0]}
        numbers |= {"begin1": op.pads[1], "gap0": op.dilations[0], "gap1": op.dilations[1], "sets": op.offset_groups}
        return Planned([Call("deform_taps", data, numbers, product(y.shape), {}, {"mask": len(masks)}, 60)])

    def text(self, routine: str, flags: Flags) -> str:
        """The place, and its four neighbours."""
        text = split_text(["n", "c", "t", "o0", "o1"], ["", "channels", "taps", "out0", "out1"])
        text += "g = c // (channels // sets)\n"
        text += "start = n * moves_0 + (g * taps + t) * 2 * moves_1 + o0 * moves_2 + o1 * moves_3\n"
        for k, tap in ((0, "t // kw"), (1, "t % kw")):
            text += f"p{k} = real(o{k} * step{k} - begin{k} + ({tap}) * gap{k}) + moves[start + {k} * moves_1]\n"
            text += clamped(f"p{k}", f"size{k}") + f"b{k} = floor(p{k})\ns{k} = p{k} - b{k}\ni{k} = int(b{k})\n"
        text += "sum = 0.0\nfor u in range(2):\n    for v in range(2):\n        a0 = i0 + u\n        a1 = i1 + v\n"
        text += "        if a0 >= 0 and a0 < size0 and a1 >= 0 and a1 < size1:\n"
        text += "            share = (s0 if u == 1 else 1.0 - s0) * (s1 if v == 1 else 1.0 - s1)\n"
        text += "            sum = sum + share * x[n * x_0 + c * x_1 + a0 * x_2 + a1 * x_3]\n"
        if flags["mask"]:
            text += "sum = sum * mask[n * mask_0 + (g * taps + t) * mask_1 + o0 * mask_2 + o1 * mask_3]\n"
        return text + "y[n * y_0 + c * y_1 + t * y_2 + o0 * y_3 + o1 * y_4] = sum\n"


class RoiAlignRecipe(Recipe):
    """An element for each cell and channel."""

    name = "RoiAlign"
    ops = (RoiAlign,)

    def plan(self, problem: Problem) -> Planned:
        """One call."""
        op, (x, rois, images), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, RoiAlign)
        data = {
            "x": operand_data("in", 0, x),
            "rois": operand_data("in", 1, rois),
            "images": operand_data("in", 2, images),
        }
        data["y"] = operand_data("out", 0, y)
        numbers = {
            **strides_of("x", x),
            **strides_of("rois", rois),
            **strides_of("images", images),
            **strides_of("y", y),
        }
        numbers |= {**places(x), "batch": x.shape[0], "channels": x.shape[1], "height": op.height, "width": op.width}
        numbers["samples"] = op.sampling
        flags: Flags = {"kind": op.kind, "half": int(op.half_pixel)}
        return Planned([Call("roi_align", data, numbers, product(y.shape), {"scale": op.scale}, flags, 200)])

    def text(self, routine: str, flags: Flags) -> str:
        """The cell's samples, each of four neighbours."""
        text = split_text(["r", "c", "i", "j"], ["", "channels", "height", "width"])
        text += "image = min(max(images[r * images_0], 0), batch - 1)\n"
        half = "0.5" if flags["half"] else "0.0"
        for k, (a, b, cells, cell) in enumerate(((1, 3, "height", "i"), (0, 2, "width", "j"))):
            text += f"start{k} = rois[r * rois_0 + {a} * rois_1] * scale - {half}\n"
            text += f"span{k} = rois[r * rois_0 + {b} * rois_1] * scale - {half} - start{k}\n"
            text += "" if flags["half"] else f"span{k} = max(span{k}, 1.0)\n"
            text += f"step{k} = span{k} / real({cells})\n"
            text += f"each{k} = samples if samples > 0 else int(min(max(ceil(step{k}), 0.0), {_FAR}.0))\n"
            text += f"begin{k} = start{k} + step{k} * real({cell})\n"
        maximum = flags["kind"] == "max"
        text += "sum = 0.0\nfound = 0\nfor u in range(each0):\n    for v in range(each1):\n"
        for k, sample in enumerate("uv"):
            text += f"        p{k} = begin{k} + step{k} * (real({sample}) + 0.5) / real(each{k})\n"
        text += "        zero = 0.0 if p0 >= -1.0 and p0 <= real(size0) and p1 >= -1.0 and p1 <= real(size1) else 1.0\n"
        for k in (0, 1):
            text += f"        p{k} = min(max(p{k}, 0.0), real(size{k}))\n        i{k} = min(int(p{k}), size{k} - 1)\n"
            text += f"        n{k} = min(i{k} + 1, size{k} - 1)\n"
            text += f"        s{k} = 0.0 if i{k} >= size{k} - 1 else p{k} - real(i{k})\n"
        corners = [("i0", "i1", "(1.0 - s0) * (1.0 - s1)"), ("i0", "n1", "(1.0 - s0) * s1")]
        corners += [("n0", "i1", "s0 * (1.0 - s1)"), ("n0", "n1", "s0 * s1")]
        for high, wide, share in corners:
            part = f"x[image * x_0 + c * x_1 + {high} * x_2 + {wide} * x_3] * {share} * (1.0 - zero)"
            text += f"        part = {part}\n"
            text += (
                "        sum = part if found == 0 or part > sum else sum\n" if maximum else "        sum = sum + part\n"
            )
            text += "        found = 1\n" if maximum else ""
        text += "" if maximum else "sum = sum / real(max(1, each0 * each1))\n"
        return text + "y[r * y_0 + c * y_1 + i * y_2 + j * y_3] = sum\n"


class MaxRoiPoolRecipe(Recipe):
    """An element for each cell and channel."""

    name = "MaxRoiPool"
    ops = (MaxRoiPool,)

    def plan(self, problem: Problem) -> Planned:
        """One call."""
        op, (x, rois), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, MaxRoiPool)
        data = {"x": operand_data("in", 0, x), "rois": operand_data("in", 1, rois), "y": operand_data("out", 0, y)}
        numbers = {**strides_of("x", x), **strides_of("rois", rois), **strides_of("y", y), **places(x)}
        numbers |= {"batch": x.shape[0], "channels": x.shape[1], "height": op.height, "width": op.width}
        return Planned([Call("max_roi_pool", data, numbers, product(y.shape), {"scale": op.scale}, {}, 100)])

    def text(self, routine: str, flags: Flags) -> str:
        """The cell's elements, compared."""
        text = split_text(["r", "c", "i", "j"], ["", "channels", "height", "width"])
        text += "image = min(max(int(rois[r * rois_0]), 0), batch - 1)\n"
        for k, (first, last, cells, cell) in enumerate(((2, 4, "height", "i"), (1, 3, "width", "j"))):
            for name, column in (("low", first), ("high", last)):
                text += f"{name}{k} = floor(rois[r * rois_0 + {column} * rois_1] * scale + 0.5)\n"
            text += f"step{k} = max(high{k} - low{k} + 1.0, 1.0) / real({cells})\n"
            ends = (f"low{k} + floor(real({cell}) * step{k})", f"low{k} + ceil(real({cell} + 1) * step{k})")
            text += "".join(
                f"{name}{k} = int(min(max({end}, 0.0), real(size{k})))\n"
                for name, end in zip(("begin", "stop"), ends, strict=True)
            )
        text += "best = 0.0\nfound = 0\nfor u in range(begin0, stop0):\n    for v in range(begin1, stop1):\n"
        text += "        value = x[image * x_0 + c * x_1 + u * x_2 + v * x_3]\n"
        text += "        best = value if found == 0 or value > best else best\n        found = 1\n"
        return text + "y[r * y_0 + c * y_1 + i * y_2 + j * y_3] = best\n"


for _recipe in (GridSampleRecipe(), DeformTapsRecipe(), RoiAlignRecipe(), MaxRoiPoolRecipe()):
    register(_recipe)
