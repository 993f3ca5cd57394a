"""Products and convolutions of 32-bit floats where TF32 is not allowed: fused multiply-adds, summed as a CPU sums."""

from __future__ import annotations

from minirt.kernels.cuda.conv_kernels import ConvMma
from minirt.kernels.cuda.conv_problem import conv_form
from minirt.kernels.cuda.gemm_kernels import GemmMma
from minirt.kernels.cuda.matrix_kernel import exact
from minirt.kernels.cuda.matrix_problem import Form
from minirt.kernels.kernel import Problem
from minirt.ops.convolution import Conv, ConvTranspose
from minirt.ops.gemm import Gemm
from minirt.plan.launch import Spec

_ALLOWED = "tensor cores may multiply its operands"


class GemmFma(GemmMma):
    """Products of 32-bit floats as such, each sum along ascending k, in parts where k is split."""

    ops = (Gemm,)
    rank = 8
    method = "fma"

    def refuses(self, problem: Problem, form: Form) -> str:
        """Operands without a contiguous axis, and what tensor cores may multiply."""
        return super().refuses(problem, form) if exact(problem) else _ALLOWED

    def ranking(self, problem: Problem) -> list[Spec]:
        """Tiles and splits of k, fastest by the model first; a large tile has no registers left for a split."""
        return [t for t in super().ranking(problem) if t["parts"] == 1 or t["tile"] != [128, 128]]


class ConvFma(ConvMma):
    """Convolutions of 32-bit floats as such, each sum along ascending taps, in parts where they are split."""

    ops = (Conv, ConvTranspose)
    rank = 8
    method = "fma"

    def refuses(self, problem: Problem, form: Form) -> str:
        """What tensor cores may multiply."""
        return "" if exact(problem) else _ALLOWED

    def alone(self, problem: Problem) -> Spec:
        """As few columns as will do."""
        if problem.likely(conv_form(problem).sizes["n"]) <= 32:
            return {"tile": [64, 32], "warps": [4, 1], "per_sm": 4, "parts": 1}
        return super().alone(problem)


class ConvFmaPlanar(ConvFma):
    """The same, written with any strides: where a result must lie by channels."""

    ops = (Conv, ConvTranspose)
    rank = 28
    any_output = True
