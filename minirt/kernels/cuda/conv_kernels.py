"""Convolutions on CUDA as products that gather their rows: wgmma with im2col copies, mma.sync, and plain ones."""

from __future__ import annotations

from minirt.kernels.cuda import weights as weights  # registers the packing functions
from minirt.kernels.cuda.conv_problem import channels_last, conv_form, conv_op, planes, refuses_shape
from minirt.kernels.cuda.gemm_source import patch_geometry
from minirt.kernels.cuda.matrix_kernel import (
    ANY_NUMBER,
    Matrix,
    Value,
    exact,
    map_type,
    persistent,
    step_width,
    up,
    wgmma_grid,
    wgmma_spec,
    work_of,
)
from minirt.kernels.cuda.matrix_problem import Form, vector
from minirt.kernels.cuda.matrix_tiles import estimate, ranked
from minirt.kernels.cuda.matrix_time import Work
from minirt.kernels.cuda.nest import same
from minirt.kernels.kernel import Order, Problem
from minirt.ops.convolution import Conv, ConvTranspose
from minirt.plan.launch import Address, Launches, Pack, Spec, TensorMap
from minirt.types.dim import Dim, ceil, divide, mul

_MAX_GROUPS = 65535
_MAX_PATCH_CHANNELS = 6
_MAX_PATCH_BYTES = 200_000
_GATHERED = "TF32 is not allowed, and channels that are gathered one by one gain nothing from three products"
Orders = tuple[tuple[Order | None, ...], tuple[Order | None, ...]]


class ConvBase(Matrix):
    """Base of the kernels of convolutions; results lie channels last, and the image unless ``any_input``."""

    any_output = False

    def any_input(self, problem: Problem) -> bool:
        """True where the image is read with any strides."""
        return False

    def orders(self, problem: Problem) -> Orders:
        """Channels last, but for what is read or written with any strides; weights that are no constant by tap."""
        rank = problem.inputs[0].type.rank
        image = None if self.any_input(problem) else channels_last(rank)
        by_tap: Order | None = Order((0, *range(2, rank), 1))
        if isinstance(problem.op, ConvTranspose):
            by_tap = Order((1, *range(2, rank), 0))
        known = problem.inputs[1].constant
        out = None if self.any_output else channels_last(rank)
        return (image, None if known else by_tap, *(None for _ in problem.inputs[2:])), (out,)

    def rejects(self, problem: Problem) -> str:
        """Types, epilogue and shape, then what the method needs."""
        reason = self.unfit(problem) or refuses_shape(problem)
        if reason:
            return reason
        if self.method in ("mma", "fma", "simt") and conv_op(problem).groups > _MAX_GROUPS:
            return f"{conv_op(problem).groups} groups exceed {_MAX_GROUPS}"
        return self.refuses(problem, conv_form(problem))

    def refuses(self, problem: Problem, form: Form) -> str:
        """Why the method does not take this form; "" where it does."""
        return ""

    def orders_columns(self, problem: Problem) -> bool:
        """True where weights are packed in the order in which a lane's sums are neighbours."""
        known = self.method in ("mma", "wgmma") and isinstance(problem.op, Conv) and problem.inputs[1].constant
        return known and conv_op(problem).groups == 1

    def packed(self, problem: Problem) -> tuple[Address, tuple[Pack, ...]]:
        """Where the weights lie as [O, R, S, I], and their packing where they are a constant."""
        if self.orders_columns(problem):
            return Address("pack", 0), (Pack(1, "pack_conv_weights", {"ordered": 1}),)
        if not problem.inputs[1].constant:
            return Address("in", 1), ()
        if isinstance(problem.op, ConvTranspose):
            return Address("pack", 0), (Pack(1, "pack_conv_transpose_weights", {"groups": problem.op.groups}),)
        return Address("pack", 0), (Pack(1, "pack_conv_weights", {}),)

    def values(self, problem: Problem, form: Form) -> tuple[dict[str, Value], tuple[Pack, ...]]:
        """Arguments by name, and packings."""
        address, packs = self.packed(problem)
        return {**form.values(), "a": Address("in", 0), "b": address, "lda": 0, "ldb": form.b["n"]}, packs

    def vector(self, problem: Problem, form: Form) -> int:
        """Channels that one copy of the image takes: a whole 16 bytes or one."""
        g = form.image
        most = 128 // problem.inputs[0].type.dtype.bits
        found = vector(problem, problem.inputs[0], (g["g_sn"], g["g_sh"], g["g_sw"], g["g_c"]))
        return most if found == most and same(g["g_sc"], 1) else 1


class ConvPatch(ConvBase):
    """Few input channels (first layers), read with any strides: patches in shared memory, tensor cores by mma.sync."""

    ops = (Conv,)
    rank = 15
    method = "patch"

    def any_input(self, problem: Problem) -> bool:
        """True: patches are copied element by element."""
        return True

    def _spec(self, problem: Problem) -> Spec:
        op, w = conv_op(problem), problem.inputs[1].shape
        taps, strides, dilations = (planes(v, 1) for v in (w[2:], op.strides, op.dilations))
        spec: Spec = {"taps": list(taps), "strides": list(strides), "dilations": list(dilations), "channels": w[1]}
        return spec

    def refuses(self, problem: Problem, form: Form) -> str:
        """Groups, more than a few channels, exact floats, or patches that do not fit in shared memory."""
        groups, channels = conv_op(problem).groups, problem.inputs[1].shape[1]
        if groups > 1:
            return f"{groups} groups"
        if exact(problem):
            return _GATHERED
        if not isinstance(channels, int) or channels > _MAX_PATCH_CHANNELS:
            return f"{channels} channels are more than {_MAX_PATCH_CHANNELS}"
        spec = self._spec(problem)
        dtype = problem.inputs[0].type.dtype.name
        shared = patch_geometry(spec["taps"], spec["strides"], spec["dilations"], channels, dtype)["shared"]
        most = min(problem.target.shared_memory, _MAX_PATCH_BYTES)
        return f"patches of {shared} bytes exceed {most} of shared memory" if shared > most else ""

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch of blocks that take tiles in turn."""
        form = conv_form(problem)
        values, packs = self.values(problem, form)
        spec: Spec = {"method": "patch", **form.fields(problem), **self._spec(problem)}
        g = form.image
        tiles = mul(mul(up(g["g_oh"], 8), up(g["g_ow"], 16)), problem.outputs[0].shape[0])
        return self.launches(spec, form, values, (persistent(tiles, problem, 3), up(form.sizes["n"], 64), 1), packs)


class ConvMma(ConvBase):
    """Tensor cores by mma.sync over gathered rows: any stride, dilation, padding, groups, channels; transposed too."""

    ops = (Conv, ConvTranspose)
    rank = 20
    method = "mma"

    def any_input(self, problem: Problem) -> bool:
        """Channels that do not make whole 16 bytes are gathered one by one, wherever they lie."""
        channels = problem.inputs[0].shape[1]
        return not problem.divisible(channels, conv_op(problem).groups * (128 // problem.inputs[0].type.dtype.bits))

    def refuses(self, problem: Problem, form: Form) -> str:
        """Exact floats that are gathered one by one."""
        return _GATHERED if exact(problem) and self.vector(problem, form) == 1 else ""

    def ranking(self, problem: Problem) -> list[Spec]:
        """Tiles and splits of k, fastest by the model first."""
        form = conv_form(problem)
        if self.vector(problem, form) == 1:
            return [self.alone(problem)]
        return ranked(self.work(problem, form), self.method, self.thrice(problem))

    def work(self, problem: Problem, form: Form) -> Work:
        """What the model of time reads."""
        return work_of(problem, form, up(form.sizes["k"], step_width(problem)))

    def expected(self, problem: Problem, tactic: Spec) -> float:
        """By the model of time, which knows neither channels gathered one by one nor sums of three products."""
        form = conv_form(problem)
        known = self.vector(problem, form) > 1 and not exact(problem)
        return estimate(self.work(problem, form), tactic, self.method) if known else 0.0

    def alone(self, problem: Problem) -> Spec:
        """The tactic of channels that are gathered one by one."""
        return {"tile": [64, 64], "warps": [2, 2], "per_sm": 3, "parts": 1}

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The convolution, and the sum of its parts."""
        form = conv_form(problem)
        values, packs = self.values(problem, form)
        bm, bn = tactic["tile"]
        bk, parts = step_width(problem), int(tactic["parts"])
        each, w = 128 // problem.inputs[0].type.dtype.bits, problem.inputs[1]
        aligned = (w.constant or w.aligned) and problem.divisible(form.sizes["k"], each)
        vec_b = each if aligned else vector(problem, w, (form.sizes["k"],), w.constant)
        vec_a = self.vector(problem, form)
        spec: Spec = {
            "method": self.method, **form.fields(problem), "conv": True,
            "transposed": isinstance(problem.op, ConvTranspose), "tile": [bm, bn, bk], "warps": tactic["warps"],
            "stages": 4 if vec_a > 1 else 3, "vec_a": vec_a, "vec_b": vec_b, "split": parts > 1,
            "x3": self.thrice(problem), "ordered": self.orders_columns(problem),
        }  # fmt: skip
        values["k_part"] = mul(up(up(form.sizes["k"], bk), parts), bk)
        grid = (mul(up(form.sizes["m"], bm), up(form.sizes["n"], bn)), parts, form.sizes["nb1"])
        return self.launches(spec, form, values, grid, packs, parts)


class ConvMmaPlanar(ConvMma):
    """The same, written with any strides: where a result must lie by channels."""

    ops = (Conv, ConvTranspose)
    rank = 30
    any_output = True


class ConvWgmma(ConvBase):
    """Hopper's tensor cores fed by im2col copies: borders and strides are the copy engine's work."""

    ops = (Conv,)
    rank = 10
    method = "wgmma"
    few = 12

    def refuses(self, problem: Problem, form: Form) -> str:
        """Groups, alignment, geometry beyond the copy engine's, and fp32 asked for exactly."""
        op, g, x = conv_op(problem), form.image, problem.inputs[0]
        if x.type.dtype.bits == 32 and not problem.tf32:
            return "TF32 is not allowed"
        if op.groups > 1:
            return f"{op.groups} groups"
        if self.vector(problem, form) == 1:
            return f"{g['g_c']} channels, or their strides, are no multiples of 16 bytes"
        if problem.bounds(g["g_c"])[1] < 16:
            return f"{g['g_c']} channels would leave most of a copy empty"
        if not all(isinstance(p, int) for p in op.pads):
            return f"padding {op.pads} is not known"
        lower, upper = self._corners(problem, form)
        if not all(-128 <= c <= 127 for c in (*lower, *upper)) or max(op.strides) > 8:
            return f"strides {op.strides}, pads {op.pads} or dilations {op.dilations} are too large for im2col copies"
        taps = [(int(g[f"g_{t}"]) - 1) * int(g[f"g_dil_{d}"]) for t, d in (("r", "h"), ("s", "w"))]  # type: ignore[arg-type]
        return f"taps reach {max(taps)} pixels" if max(taps) > 255 else ""

    def _corners(self, problem: Problem, form: Form) -> tuple[tuple[int, int], tuple[int, int]]:
        """The first pixel under the first tap and the last one's distance from the end, (columns, rows)."""
        pads, count = [int(p) for p in conv_op(problem).pads], len(conv_op(problem).strides)  # type: ignore[arg-type]
        begins, ends = ([0] * (2 - count) + p for p in (pads[:count], pads[count:]))
        reach = [(int(form.image[t]) - 1) * int(form.image[d]) for t, d in (("g_r", "g_dil_h"), ("g_s", "g_dil_w"))]  # type: ignore[arg-type]
        lower, upper = [-p for p in begins], [p - reached for p, reached in zip(ends, reach, strict=True)]
        return (lower[1], lower[0]), (upper[1], upper[0])

    def _step(self, problem: Problem, form: Form) -> int:
        """Elements of a step along the channels of a tap: 128 bytes, or 64 where channels are few."""
        whole = 1024 // problem.inputs[0].type.dtype.bits
        channels = problem.likely(form.image["g_c"])
        return whole // 2 if 0 < channels % whole <= whole // 2 and channels < 2 * whole else whole

    def _steps(self, problem: Problem, form: Form) -> Dim:
        g = form.image
        return mul(mul(g["g_r"], g["g_s"]), up(g["g_c"], self._step(problem, form)))

    def ranking(self, problem: Problem) -> list[Spec]:
        """Tiles and splits of k, fastest by the model first."""
        return ranked(self.work(problem), "wgmma", ordered=self.orders_columns(problem))

    def work(self, problem: Problem) -> Work:
        """What the model of time reads."""
        form = conv_form(problem)
        return work_of(problem, form, self._steps(problem, form))

    def expected(self, problem: Problem, tactic: Spec) -> float:
        """By the model of time."""
        return estimate(self.work(problem), tactic, "wgmma")

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The convolution."""
        form = conv_form(problem)
        values, packs = self.values(problem, form)
        dtype, (cm, cn) = problem.inputs[0].type.dtype, tactic["share"]
        (bm, bn), bk, size = tactic["tile"], self._step(problem, form), dtype.bits // 8
        spec: Spec = {
            **wgmma_spec(tactic, problem, form), **form.fields(problem), "conv": True, "tile": [bm, bn, bk],
            "ordered": self.orders_columns(problem),
        }  # fmt: skip
        s, swizzle = form.sizes, bk * size
        values |= {"ta": self._image_map(problem, form, bk, bm // cn), "ta_b0": 0, "ta_b1": 0, "tb_b0": 0, "tb_b1": 0}
        g, address = form.image, values["b"]
        assert isinstance(address, Address)
        rows = mul(up(s["n"], 32), 32) if spec["ordered"] else s["n"]
        dims = (g["g_c"], mul(g["g_r"], g["g_s"]), rows)
        pitches = (mul(g["g_c"], size), mul(s["k"], size))
        values["tb"] = TensorMap(address, map_type(dtype.name), dims, pitches, (bk, 1, bn // cm), (1, 1, 1), swizzle)
        values["k_part"] = ceil(divide(self._steps(problem, form), int(tactic["parts"])))
        return self.launches(spec, form, values, wgmma_grid(form, tactic, problem), packs)

    def _image_map(self, problem: Problem, form: Form, bk: int, bm: int) -> TensorMap:
        g, x = form.image, problem.inputs[0]
        size, strides = x.type.dtype.bits // 8, conv_op(problem).strides
        step_h, step_w = (1, strides[0]) if len(strides) == 1 else strides
        lower, upper = self._corners(problem, form)
        return TensorMap(
            Address("in", 0), map_type(x.type.dtype.name), (g["g_c"], g["g_w"], g["g_h"], x.shape[0]),
            (mul(g["g_sw"], size), mul(g["g_sh"], size), mul(g["g_sn"], size)), (), (1, step_w, step_h, 1), bk * size,
            lower, upper, bk, bm,
        )  # fmt: skip


class ConvSimt(ConvBase):
    """Plain multiply-adds: any strides in and out, and the types that tensor cores lack."""

    ops = (Conv, ConvTranspose)
    rank = 40
    method = "simt"
    dtypes = ANY_NUMBER
    any_output = True

    def timed(self, problem: Problem) -> int:
        """Where all is tried: what other kernels take is hardly ever faster here."""
        return 5

    def any_input(self, problem: Problem) -> bool:
        """True: pixels are gathered one by one."""
        return True

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        form = conv_form(problem)
        values, packs = self.values(problem, form)
        m, n = form.sizes["m"], form.sizes["n"]
        wide = problem.inputs[0].type.dtype.bits > 32
        large = problem.likely(m) * problem.likely(n) >= 128 * 128 * problem.target.multiprocessors and not wide
        side = 128 if large and problem.likely(n) > 64 else 64
        spec: Spec = {
            "method": "simt", **form.fields(problem), "conv": True, "transposed": isinstance(problem.op, ConvTranspose),
            "tile": [side, side], "b_by_k": True,
        }  # fmt: skip
        grid = (mul(up(m, side), up(n, side)), 1, form.sizes["nb1"])
        return self.launches(spec, form, values, grid, packs)
