"""Depthwise convolutions on CUDA, one channel a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minirt.kernels.cuda.conv_depthwise_tiles import Window, estimate, estimate_mma, ranked, ranked_mma, turns
from minirt.kernels.cuda.conv_kernels import ConvBase, Orders
from minirt.kernels.cuda.conv_problem import conv_form, conv_op
from minirt.kernels.cuda.matrix_kernel import up
from minirt.kernels.cuda.matrix_problem import Form, vector
from minirt.kernels.cuda.nest import same
from minirt.kernels.kernel import Order, Problem
from minirt.ops.convolution import Conv
from minirt.plan.launch import Address, Launches, Pack, Spec
from minirt.types.dim import minimum, mul

_MAX_TAPS = 64
_MAX_ROWS, _MAX_COLUMNS = 7, 9  # of taps on tensor cores: what registers hold; a window of 16 makes 8
_CLEARLY = 2.0  # times as fast by models, of which the one of tensor cores is the less tried


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

    def window(self, problem: Problem) -> Window:
        """The problem as the models of time see it."""
        g, op, x = conv_form(problem).image, conv_op(problem), problem.inputs[0]
        bits, out = x.type.dtype.bits, problem.outputs[0]
        return Window(
            problem.likely(x.shape[0]), problem.likely(x.shape[1]),
            (problem.likely(g["g_oh"]), problem.likely(g["g_ow"])),
            (problem.likely(g["g_r"]), problem.likely(g["g_s"])),
            _pair(op.strides), _pair(op.dilations), bits // 8,
            float((problem.likely(x.type.size) + problem.likely(out.type.size)) * bits // 8),
            problem.target.multiprocessors,
        )  # fmt: skip

    def wide(self, problem: Problem) -> Form:
        """The form with groups as columns."""
        form, channels = conv_form(problem), problem.inputs[0].shape[1]
        places = [replace(place, b1=0) for place in (form.c, *form.extras)]
        return Form(
            {**form.sizes, "n": channels, "nb1": 1}, form.a, form.b, places[0], tuple(places[1:]), form.rows,
            form.index, form.body, {**form.image, "g_c": channels},
        )  # fmt: skip

    def widest(self, problem: Problem) -> int:
        """Channels that one copy of the image may take."""
        g, x = conv_form(problem).image, problem.inputs[0]
        return vector(problem, x, (g["g_sn"], g["g_sh"], g["g_sw"], x.shape[1])) if same(g["g_sc"], 1) else 1

    def ranking(self, problem: Problem) -> list[Spec]:
        """Tiles of pixels, channels of a thread and threads of a block, fastest by the model first."""
        bits, most = problem.inputs[0].type.dtype.bits, self.widest(problem)
        return ranked(self.window(problem), tuple(v for v in (1, 2, 4, 8) if v <= most and v * bits >= 32) or (1,))

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over pixels and channels."""
        wide, op = self.wide(problem), conv_op(problem)
        g = wide.image
        spec: Spec = {
            "method": "depthwise", **wide.fields(problem), **tactic, "taps": [g["g_r"], g["g_s"]],
            "strides": list(_pair(op.strides)), "dilations": list(_pair(op.dilations)),
            "wide": problem.inputs[1].constant,
        }  # fmt: skip
        values, packs = self.values(problem, wide)
        (high, across), each = tactic["tile"], int(tactic["channels"])
        tiles = mul(mul(problem.outputs[0].shape[0], up(g["g_oh"], high)), up(g["g_ow"], across))
        count = mul(tiles, up(g["g_c"], each))
        return self.launches(spec, wide, values, (up(count, int(tactic["threads"])), 1, 1), packs)


class ConvDepthwiseMma(ConvDepthwise):
    """The same on tensor cores, where taps are a banded matrix: 16-bit floats, stride 1, no dilation."""

    ops = (Conv,)
    rank = 6
    method = "depthwise_mma"
    dtypes = ("f16", "bf16")

    def refuses(self, problem: Problem, form: Form) -> str:
        """Strides, dilations, tall or wide taps, channels that make no whole 16 bytes."""
        op, g = conv_op(problem), form.image
        if any(x != 1 for x in (*op.strides, *op.dilations)):
            return f"strides {op.strides} and dilations {op.dilations} are not all 1"
        if problem.likely(g["g_r"]) > _MAX_ROWS or problem.likely(g["g_s"]) > _MAX_COLUMNS:
            return f"{g['g_r']} x {g['g_s']} taps are more than {_MAX_ROWS} x {_MAX_COLUMNS}"
        if self.widest(problem) < 8 or not (problem.inputs[1].constant or problem.inputs[1].aligned):
            return f"{g['g_c']} channels, or strides or addresses, are no multiples of 16 bytes"
        return super().refuses(problem, form)

    def packed(self, problem: Problem) -> tuple[Address, tuple[Pack, ...]]:
        """Weights as [R, S, C]."""
        if not problem.inputs[1].constant:
            return Address("in", 1), ()
        return Address("pack", 0), (Pack(1, "pack_depthwise_weights", {}),)

    def ranking(self, problem: Problem) -> list[Spec]:
        """Tiles of rows and windows, images and groups of channels of a block, fastest by the model first."""
        return ranked_mma(self.window(problem), problem.target.shared_memory)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over tiles of the images and groups of channels."""
        wide = self.wide(problem)
        g, (strips, across) = wide.image, tactic["tile"]
        spec: Spec = {"method": self.method, **wide.fields(problem), **tactic, "taps": [g["g_r"], g["g_s"]]}
        values, packs = self.values(problem, wide)
        tiles = mul(up(g["g_oh"], strips * int(tactic["deep"])), up(g["g_ow"], 8 * across))
        tiles = mul(tiles, up(problem.outputs[0].shape[0], int(tactic["images"])))
        count = minimum(tiles, turns(self.window(problem), tactic)[0])
        return self.launches(spec, wide, values, (mul(up(g["g_c"], 8 * int(tactic["groups"])), count), 1, 1), packs)


class ConvDepthwiseMany(ConvDepthwiseMma):
    """The same of so many taps that it is asked before plain multiply-adds."""

    ops = (Conv,)
    rank = 4

    def refuses(self, problem: Problem, form: Form) -> str:
        """Also what the models do not expect to be clearly faster."""
        reason = super().refuses(problem, form)
        if reason:
            return reason
        window, plain = self.window(problem), ConvDepthwise.ranking(self, problem)[0]
        us = estimate(window, tuple(plain["tile"]), plain["channels"], plain["threads"])
        best = self.ranking(problem)
        if best and estimate_mma(window, best[0]) * _CLEARLY < us:
            return ""
        return f"plain multiply-adds are expected to take {us:.1f} us, tensor cores no less than half of that"
