"""Depthwise convolutions on CUDA, one channel a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minirt.kernels.cuda.conv_depthwise_tiles import Window, ranked
from minirt.kernels.cuda.conv_kernels import ConvBase, Orders
from minirt.kernels.cuda.conv_problem import conv_form, conv_op
from minirt.kernels.cuda.matrix_kernel import up
from minirt.kernels.cuda.matrix_problem import Form, vector
from minirt.kernels.cuda.nest import same
from minirt.kernels.kernel import Order, Problem
from minirt.ops.convolution import Conv
from minirt.plan.launch import Address, Launches, Pack, Spec
from minirt.types.dim import mul

_MAX_TAPS = 64


def _pair(values: Sequence[int]) -> tuple[int, int]:
    return (values[0], values[1]) if len(values) == 2 else (1, values[0])


class ConvDepthwise(ConvBase):
    """One channel a group, channels last: multiply-adds, each thread with a few neighbouring pixels and channels."""

    ops = (Conv,)
    rank = 5
    method = "depthwise"

    def refuses(self, problem: Problem, form: Form) -> str:
        """More than one channel a group, or many taps."""
        g, groups = form.image, conv_op(problem).groups
        if not (same(g["g_c"], 1) and same(form.sizes["n"], 1)) or groups == 1:
            return f"{g['g_c']} channels make {form.sizes['n']} in each of {groups} groups, not one of one"
        taps = mul(g["g_r"], g["g_s"])
        return f"{taps} taps are more than {_MAX_TAPS}" if problem.bounds(taps)[0] > _MAX_TAPS else ""

    def orders(self, problem: Problem) -> Orders:
        """Channels last."""
        (image, _, *rest), out = super().orders(problem)
        plain = Order(tuple((*range(1, problem.inputs[1].type.rank), 0)))  # [1, R, S, C]
        return (image, None if problem.inputs[1].constant else plain, *rest), out

    def packed(self, problem: Problem) -> tuple[Address, tuple[Pack, ...]]:
        """Weights as [R, S, C], and of 32 bits where they are a constant."""
        if not problem.inputs[1].constant:
            return Address("in", 1), ()
        return Address("pack", 0), (Pack(1, "pack_depthwise_weights", {"wide": True}),)

    def ranking(self, problem: Problem) -> list[Spec]:
        """Tiles of pixels, channels of a thread and threads of a block, fastest by the model first."""
        g, op, x = conv_form(problem).image, conv_op(problem), problem.inputs[0]
        bits, channels = x.type.dtype.bits, x.shape[1]
        most = vector(problem, x, (g["g_sn"], g["g_sh"], g["g_sw"], channels)) if same(g["g_sc"], 1) else 1
        widths = tuple(v for v in (1, 2, 4, 8) if v <= most and v * bits >= 32) or (1,)
        taps = tuple(problem.likely(g[n]) for n in ("g_r", "g_s"))
        window = Window(
            problem.likely(x.shape[0]), problem.likely(channels),
            (problem.likely(g["g_oh"]), problem.likely(g["g_ow"])),
            (taps[0], taps[1]), _pair(op.strides), _pair(op.dilations), bits // 8,
            float((problem.likely(x.type.size) + problem.likely(problem.outputs[0].type.size)) * bits // 8),
            problem.target.multiprocessors,
        )  # fmt: skip
        return ranked(window, widths)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over pixels and channels."""
        form = conv_form(problem)
        channels, g, op = problem.inputs[0].shape[1], form.image, conv_op(problem)
        places = [replace(place, b1=0) for place in (form.c, *form.extras)]
        wide = Form(
            {**form.sizes, "n": channels, "nb1": 1}, form.a, form.b, places[0], tuple(places[1:]), form.rows,
            form.index, form.body, {**g, "g_c": channels},
        )  # fmt: skip
        spec: Spec = {
            "method": "depthwise", **wide.fields(problem), **tactic, "taps": [g["g_r"], g["g_s"]],
            "strides": list(_pair(op.strides)), "dilations": list(_pair(op.dilations)),
            "wide": problem.inputs[1].constant,
        }  # fmt: skip
        values, packs = self.values(problem, wide)
        (high, across), each = tactic["tile"], int(tactic["channels"])
        tiles = mul(mul(problem.outputs[0].shape[0], up(g["g_oh"], high)), up(g["g_ow"], across))
        count = mul(tiles, up(channels, each))
        return self.launches(spec, wide, values, (up(count, int(tactic["threads"])), 1, 1), packs)
