"""On a device: kernels that are bound by what they read and write, every tactic; functions of 16-bit results."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from minirt.build.targets import cuda_target
from minirt.ir.scalar import Body, Scalar, arg, call, cast, const
from minirt.ir.scalar_cuda import cuda_function
from minirt.kernels.cuda.compile import compile_source, default_store
from minirt.kernels.cuda.generate import Param, kernel_text
from minirt.runtime import device as dev
from minirt.types.dtype import DType, bf16, f16, f32
from tests.gpu.tactics import compiled_ahead, wrong_of
from tests.kernels.cuda.execution import choices
from tests.kernels.cuda.matrix_cases import MatrixCase
from tests.kernels.cuda.slim_cases import gelu, silu, slim_cases, stem_cases

pytestmark = pytest.mark.gpu
KERNELS = ("GemmSlim", "ConvSlim", "ConvStem")


@pytest.mark.parametrize("case", [*slim_cases(), *stem_cases()], ids=lambda case: case.name)
def test_tactics_compute_what_the_reference_does(case: MatrixCase) -> None:
    target = cuda_target()
    ways = [way for way in choices(case, target, True) if way[0].name.startswith(KERNELS)]
    compiled_ahead(ways, target, workers=1)
    wrong = wrong_of(case, ways, target, case.allows)
    assert ways and not wrong, wrong


def gelu_by_tanh(x: Scalar) -> Scalar:
    """The approximation of Gelu by tanh."""
    cube = call("mul", call("mul", x, x), x)
    inner = call("mul", const(0.7978845608028654, f32), call("add", x, call("mul", const(0.044715, f32), cube)))
    return call("mul", call("mul", const(0.5, f32), x), call("add", const(1, f32), call("tanh", inner)))


def erfc(x: np.ndarray) -> np.ndarray:
    """1 - erf, in float64."""
    return np.array([math.erfc(v) for v in x])


FUNCTIONS: dict[str, tuple[Callable[[Scalar], Scalar], Callable[[np.ndarray], np.ndarray]]] = {
    "silu": (silu, lambda x: x / (1 + np.exp(-x))),
    "sigmoid": (
        lambda x: call("div", const(1, f32), call("add", const(1, f32), call("exp", call("neg", x)))),
        lambda x: 1 / (1 + np.exp(-x)),
    ),
    "gelu": (gelu, lambda x: 0.5 * x * erfc(-x / np.sqrt(2))),
    "gelu_by_tanh": (
        gelu_by_tanh,
        lambda x: x / (1 + np.exp(-2 * 0.7978845608028654 * (x + 0.044715 * x * x * x))),
    ),
    "tanh": (lambda x: call("tanh", x), np.tanh),
    "exp": (lambda x: call("exp", x), np.exp),
    "sqrt": (lambda x: call("sqrt", x), np.sqrt),
    "rsqrt": (lambda x: call("rsqrt", x), lambda x: 1 / np.sqrt(x)),
    "recip": (lambda x: call("recip", x), lambda x: 1 / x),
    "third": (lambda x: call("div", x, const(3, f32)), lambda x: x / 3),
    "ratio": (lambda x: call("div", x, call("add", x, const(2, f32))), lambda x: x / (x + 2)),
}
ULPS = 0.55
"""The greatest error of a rounded result, of which 0.5 is the rounding."""


@pytest.mark.parametrize("dtype", [f16, bf16], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_every_16_bit_number_round_well(name: str, dtype: DType) -> None:
    scalar, exact = FUNCTIONS[name]
    device = dev.Device(0)
    text = cuda_function(Body((dtype,), (cast(scalar(arg(0, dtype)), dtype),)), "of")
    body = f"const int i = blockIdx.x * 256 + threadIdx.x;\ny[i] = Narrow<{dtype}>::of(of(widen(x[i])));"
    params = [Param("ptr", "x", f"const {dtype}"), Param("ptr", "y", str(dtype))]
    made = kernel_text("every", params, body, 256, False, text)
    kernel = dev.Kernel(dev.Module(device, compile_source(made, device.arch, default_store()).cubin), "every", 0)
    x = np.arange(65536, dtype=np.uint16).view(dtype.numpy)
    memory, out = dev.DeviceMemory(device, 131072), dev.DeviceMemory(device, 131072)
    memory.upload(x)
    with device.current():
        step = dev.PackedLaunch(kernel, (256, 1, 1), (256, 1, 1), ["ptr", "ptr"], [memory.address, out.address])
        step.run(0)
    device.synchronize()
    got = out.download((65536,), dtype.numpy).astype(np.float64)
    with np.errstate(all="ignore"):
        true = exact(x.astype(np.float64))
        rounded = true.astype(dtype.numpy).astype(np.float64)
        least, bits = (-14, 10) if dtype is f16 else (-126, 7)
        ulp = 2.0 ** (np.maximum(np.floor(np.log2(np.abs(true))), least) - bits)
        error = np.abs(got - true) / ulp
    small = (dtype is bf16) & (np.abs(true) < 2.0**-120)  # so small that exp(-x) or a reciprocal leaves the floats
    finite = np.isfinite(rounded) & np.isfinite(true) & ~small
    edge = ~np.isfinite(rounded)
    worst = int(np.argmax(np.where(finite, error, 0)))
    assert error[worst] <= ULPS, f"{name}({float(x[worst])}) = {got[worst]}, not {true[worst]}: {error[worst]} ulps"
    np.testing.assert_array_equal(np.isnan(got[~small]), np.isnan(true[~small]))
    assert np.array_equal(got[edge & ~np.isnan(true)], rounded[edge & ~np.isnan(true)])
