"""Products and pointwise convolutions of a short k, which are bound by what they read and write."""

from __future__ import annotations

from minirt.kernels.cuda.conv_kernels import ConvBase
from minirt.kernels.cuda.conv_problem import conv_form, conv_op, planes
from minirt.kernels.cuda.gemm_kernels import Product, by_k, copied, matrix_values, packs_b
from minirt.kernels.cuda.matrix_kernel import Matrix, persistent, up, work_of
from minirt.kernels.cuda.matrix_problem import Form
from minirt.kernels.cuda.matrix_time import slim_us
from minirt.kernels.cuda.nest import same
from minirt.kernels.cuda.slim_source import depth, slim_row, stem_patch
from minirt.kernels.kernel import Problem
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.plan.launch import Launches, Pack, Spec
from minirt.types.dim import Dim, minimum, mul

_MAX_K, _DEEP_K = 128, 256
_FEWEST_ROWS = 4096
_SHARED_BYTES = 220_000  # of a multiprocessor, for all its blocks
_HALVES = ("f16", "bf16")
_SHAPES = ((1, 8, 3, 20), (1, 8, 2, 64), (1, 4, 5, 32), (1, 8, 4, 4), (2, 8, 2, 64), (2, 4, 4, 64))
"""Rows of a warp by 16, warps of a block, blocks of a multiprocessor, most registers for the rows of a; best first."""
_HELD = 24  # registers for rows, up to which there is room for the next ones


class Slim(Matrix):
    """Base: what decides whether a product is slim, its tactics and its launch."""

    method = "slim"
    dtypes = _HALVES
    depth = (1, _MAX_K)
    """The least and the greatest k."""

    def reason(self, problem: Problem, form: Form) -> str:
        """Why a product is not for this kernel."""
        k, n, m = form.sizes["k"], form.sizes["n"], problem.likely(form.sizes["m"])
        if not isinstance(k, int) or not isinstance(n, int):
            return f"K = {k} or N = {n} is not known"
        if k % 8 or not self.depth[0] <= k <= self.depth[1]:
            return f"K = {k} is no multiple of 8 from {self.depth[0]} to {self.depth[1]}"
        batch = problem.likely(mul(form.sizes["nb0"], form.sizes["nb1"]))
        return f"{m} rows are few" if m * batch < _FEWEST_ROWS or m < 128 else ""

    def shapes(self, problem: Problem, form: Form) -> list[Spec]:
        """Tactics: columns of a block as many as its share of shared memory holds, evenly over as few blocks."""
        k, n = form.sizes["k"], form.sizes["n"]
        assert isinstance(k, int) and isinstance(n, int)
        found: list[Spec] = []
        groups, tail = depth(k)
        for mi, warps, per_sm, most in _SHAPES:
            rows = mi * (8 * groups + 4 * int(tail))
            if rows > most:
                continue
            most = min(_SHARED_BYTES, problem.target.shared_memory) // per_sm - 1024
            room = max(1, most // slim_row(groups, tail) // 32)
            columns = -(-n // 32)
            parts = -(-columns // room)
            ragged = n % 8 > 0 and per_sm == 3 and rows > _HELD // 2  # results of odd lengths take registers, too
            tile, hold = [16 * mi, 32 * -(-columns // parts)], rows <= _HELD and not ragged
            found.append({"tile": tile, "parts": parts, "warps": warps, "per_sm": per_sm, "hold": hold})
        return found

    def expected(self, problem: Problem, tactic: Spec) -> float:
        """By the model of time."""
        form = self.slim_form(problem)
        return slim_us(work_of(problem, form, 1), tactic)

    def slim_form(self, problem: Problem) -> Form:
        """The problem's form."""
        raise NotImplementedError

    def ranking(self, problem: Problem) -> list[Spec]:
        """The tactics."""
        return self.shapes(problem, self.slim_form(problem))

    def slim(
        self, problem: Problem, form: Form, tactic: Spec, values: dict[str, Dim], packs: tuple[Pack, ...], b: Spec
    ) -> Launches:
        """One launch of blocks that take rows in turn; ``b``: how b lies."""
        k, parts, per_sm = form.sizes["k"], int(tactic["parts"]), int(tactic["per_sm"])
        assert isinstance(k, int)
        groups, tail = depth(k)
        spec: Spec = {"method": "slim", **form.fields(problem), "groups": groups, "tail": tail, **b, **tactic}
        batch = mul(form.sizes["nb0"], form.sizes["nb1"])
        most = max(1, problem.target.multiprocessors * per_sm // (parts * max(1, problem.likely(batch))))
        rows = up(form.sizes["m"], int(tactic["tile"][0]) * int(tactic["warps"]))
        return self.launches(spec, form, dict(values), (mul(minimum(rows, most), parts), 1, batch), packs)


class GemmSlim(Slim, Product):
    """A short k, by mma.sync: b stays in shared memory, rows of a go straight to registers."""

    ops = (Gemm,)
    rank = 8

    def refuses(self, problem: Problem, form: Form) -> str:
        """Also rows of a that are not contiguous, or not whole 16 bytes."""
        if not same(form.a["k"], 1):
            return "a is not contiguous along k"
        if by_k(form, "b") is None and not problem.inputs[1].constant:
            return "b has no contiguous axis"
        if copied(problem, form, False)[0] < 8:
            return f"rows of a are not multiples of 16 bytes (K = {form.sizes['k']})"
        return self.reason(problem, form)

    def slim_form(self, problem: Problem) -> Form:
        """The product's form."""
        form = self.form(problem)
        assert isinstance(form, Form)
        return form

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The product."""
        form = self.slim_form(problem)
        pack = packs_b(problem, form, True)
        values, b, packs = matrix_values(problem, form, pack)
        along = pack or bool(by_k(form, "b"))
        values |= {"lda": form.a["m"], "ldb": b["n"] if along else b["k"]}
        fast = along and copied(problem, form, pack)[1] == 8
        return self.slim(problem, form, tactic, values, packs, {"b_by_k": along, "b_fast": fast})  # type: ignore[arg-type]


class GemmSlimDeep(GemmSlim):
    """The same of a longer k, where it may be faster than other kernels."""

    ops = (Gemm,)
    rank = 36
    depth = (_MAX_K + 8, _DEEP_K)


class ConvSlim(Slim, ConvBase):
    """Pointwise convolutions of few channels, by mma.sync: weights stay in shared memory, pixels go to registers."""

    ops = (Conv,)
    rank = 8

    def refuses(self, problem: Problem, form: Form) -> str:
        """More than one tap, strides, padding, groups, or pixels that do not lie in even rows."""
        op, g, x = conv_op(problem), form.image, problem.inputs[0]
        if op.groups > 1:
            return f"{op.groups} groups"
        if any(d != 1 for d in problem.inputs[1].shape[2:]) or any(s != 1 for s in op.strides):
            return "more than one tap, or strides"
        if any(p != 0 for p in op.pads):
            return f"padding {op.pads}"
        if self.vector(problem, form) < 8:
            return f"{g['g_c']} channels, or their strides, are no multiples of 16 bytes"
        even = same(g["g_sh"], mul(g["g_sw"], g["g_w"])) and same(g["g_sn"], mul(g["g_sh"], g["g_h"]))
        if not even and not all(same(d, 1) for d in (x.shape[0], g["g_h"])):
            return "its rows of pixels have gaps"
        return self.reason(problem, form)

    def slim_form(self, problem: Problem) -> Form:
        """The convolution's form."""
        return conv_form(problem)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The product of pixels and weights."""
        form = conv_form(problem)
        values, packs = self.values(problem, form)
        values["lda"] = form.image["g_sw"]
        fast = problem.inputs[1].constant or problem.inputs[1].aligned
        return self.slim(problem, form, tactic, values, packs, {"b_by_k": True, "b_fast": fast})  # type: ignore[arg-type]


class ConvSlimDeep(ConvSlim):
    """The same of more channels, where it may be faster than other kernels."""

    ops = (Conv,)
    rank = 36
    depth = (_MAX_K + 8, _DEEP_K)


_STEM_TILES = ((16, 8, 2), (8, 8, 3), (8, 4, 4), (8, 8, 2), (16, 8, 1))
"""Rows of pixels, warps of a block, blocks of a multiprocessor."""
_STEM_HELD = 24  # elements of the patch that a thread holds


class ConvStem(ConvBase):
    """Two to four channels (first layers), read with any strides: fragments straight from patches in shared memory."""

    ops = (Conv,)
    rank = 14
    method = "stem"
    dtypes = _HALVES

    def any_input(self, problem: Problem) -> bool:
        """True: patches are copied pixel by pixel."""
        return True

    def refuses(self, problem: Problem, form: Form) -> str:
        """Groups, other numbers of channels, dilations, weights that are no constant, patches that are too large."""
        op, w = conv_op(problem), problem.inputs[1]
        channels = w.shape[1]
        if op.groups > 1:
            return f"{op.groups} groups"
        if not isinstance(channels, int) or not 2 <= channels <= 4:
            return f"{channels} channels are not 2 to 4"
        if any(d != 1 for d in op.dilations):
            return f"dilations {op.dilations}"
        if not w.constant:
            return "the weights are no constant"
        return "" if self.ranking(problem) else "patches of the image, or the weights, are too large"

    def ranking(self, problem: Problem) -> list[Spec]:
        """Tiles whose patch a block's threads can hold, and with the weights fits in shared memory."""
        found: list[Spec] = []
        most = min(problem.target.shared_memory, _SHARED_BYTES)
        for high, warps, per_sm in _STEM_TILES:
            for at_once in (64, 32):
                spec = self._spec(problem, {"tile": [high, at_once], "warps": warps, "per_sm": per_sm})
                ph, pw = stem_patch(spec)
                held = -(-ph * pw // (32 * warps)) * spec["channels"]
                registers = high // warps * at_once // 2 + held + 60
                fits = registers <= 65536 // (32 * warps * per_sm) and per_sm * self._bytes(spec) <= most
                if held <= _STEM_HELD and fits and (spec["columns"] % at_once == 0):
                    found.append({"tile": [high, at_once], "warps": warps, "per_sm": per_sm})
        # tall tiles leave multiprocessors without work where the image is small
        image = conv_form(problem).image
        tiles = mul(mul(up(image["g_oh"], 16), up(image["g_ow"], 16)), problem.outputs[0].shape[0])
        few = problem.likely(tiles) < problem.target.multiprocessors
        return sorted(found, key=lambda t: (t["tile"][0] > 8, t["warps"] < 8)) if few else found

    def _bytes(self, spec: Spec) -> int:
        (ph, pw), (groups, tail) = stem_patch(spec), depth(4 * spec["taps"][1])
        return ph * pw * 8 + 16 + int(spec["columns"]) * int(spec["taps"][0]) * slim_row(groups, tail)

    def _spec(self, problem: Problem, tactic: Spec) -> Spec:
        op, w = conv_op(problem), problem.inputs[1].shape
        assert isinstance(w[0], int)
        fixed = {"taps": list(planes(w[2:], 1)), "strides": list(planes(op.strides, 1)), "channels": w[1]}
        return {"method": "stem", **fixed, "columns": -(-w[0] // 32) * 32, **tactic}

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch of blocks that take tiles in turn."""
        form = conv_form(problem)
        spec: Spec = {**form.fields(problem), **self._spec(problem, tactic)}
        groups, tail = depth(4 * spec["taps"][1])
        values, _ = self.values(problem, form)
        packs = (Pack(1, "pack_stem_weights", {"row": 32 * groups + 16 * int(tail)}),)
        g, images = form.image, problem.outputs[0].shape[0]
        tiles = mul(mul(up(g["g_oh"], int(tactic["tile"][0])), up(g["g_ow"], 16)), images)
        return self.launches(spec, form, values, (persistent(tiles, problem, int(tactic["per_sm"])), 1, 1), packs)
