"""CPU matrix, convolution and depthwise kernels beside onnxruntime: ``python benchmarks/cpu_kernels.py [--threads N]``.

Each line: the shape, minirt's and onnxruntime's best time in ms, their ratio, minirt's GFLOP/s, and the largest
difference between the two results. onnxruntime's own threads spin for a while after a run, so each side is timed in
bursts with a pause between.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from minirt.kernels.cpu.compile import CpuUnit, address
from minirt.kernels.cpu.epilogue import Epilogue, Operand
from minirt.kernels.cpu.matrix import (
    MatrixSpec,
    conv_args,
    matrix_unit,
    pack_matrix,
    pack_weights,
    pick_vectors,
    product_args,
    task_count,
    task_grain,
)
from minirt.kernels.cpu.runner_ir import runner_addresses
from minirt.kernels.cpu.window import (
    WindowSpec,
    pack_depthwise,
    pick_window_vectors,
    window_args,
    window_count,
    window_unit,
)
from minirt.runtime.cpu.pool import Pool, Program, records

Floats = NDArray[np.float32]
RELU = Epilogue((Operand(),), "max(acc + e0, float32(0))")
CONVOLUTIONS = [
    (64, 64, 56, 3, 1), (256, 64, 56, 1, 1), (64, 256, 56, 1, 1), (128, 128, 28, 3, 1), (512, 128, 28, 1, 1),
    (128, 512, 28, 1, 1), (256, 256, 14, 3, 1), (1024, 256, 14, 1, 1), (256, 1024, 14, 1, 1), (512, 512, 7, 3, 1),
    (512, 2048, 7, 1, 1), (2048, 512, 7, 1, 1), (128, 128, 56, 3, 2), (256, 512, 56, 1, 2), (3, 64, 224, 7, 2),
    (3, 16, 224, 3, 2),
]  # fmt: skip
DEPTHWISE = [(16, 112, 3, 1), (64, 112, 3, 2), (96, 56, 3, 1), (240, 28, 5, 1), (480, 14, 3, 1), (960, 7, 5, 1)]
PRODUCTS = [(128, 768, 768), (128, 3072, 768), (128, 768, 3072), (1, 1000, 2048), (1, 4096, 4096), (8, 768, 768)]


@dataclass
class Work:
    """One kernel's program, its result, onnxruntime's model of the same, and its multiply-adds."""

    label: str
    program: Program
    result: Floats
    model: bytes
    x: Floats
    macs: int


def aligned(array: NDArray[np.float32]) -> Floats:
    """A copy on a cache line."""
    block = np.empty(array.nbytes + 64, np.uint8)
    skip = -block.ctypes.data % 64
    copy: Floats = block[skip : skip + array.nbytes].view(np.float32).reshape(array.shape)
    copy[...] = array
    return copy


def random(*shape: int) -> Floats:
    """Normal numbers on a cache line."""
    return aligned(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def program(unit: CpuUnit, args: list[int], n: int, grain: int, keep: object) -> Program:
    """One record."""
    memory = np.array(args, np.int64)
    return Program(records([(address(unit), n, grain, memory.ctypes.data, 0)]), (memory, keep))


def model(nodes: list[object], x: Floats, weights: dict[str, Floats]) -> bytes:
    """An ONNX model with input x and output y."""
    inputs = [helper.make_tensor_value_info("x", 1, x.shape)]
    outputs = [helper.make_tensor_value_info("y", 1, None)]
    tensors = [numpy_helper.from_array(np.array(w), name) for name, w in weights.items()]
    graph = helper.make_graph(nodes, "benchmark", inputs, outputs, tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(made.SerializeToString())


def convolution(ic: int, oc: int, size: int, k: int, s: int, threads: int) -> Work:
    """A square convolution with bias and ReLU."""
    p, spec = k // 2, MatrixSpec(pick_vectors(oc), epilogue=RELU)
    out = (size + 2 * p - k) // s + 1
    x, w, b = random(1, size, size, ic), random(oc, ic, k, k), random(oc)
    y, packed, zeros = (
        aligned(np.zeros((1, out, out, oc), np.float32)),
        aligned(pack_weights(w, 1, spec.width)),
        random(ic),
    )
    zeros[:] = 0
    args = conv_args(
        1, 1, (ic, oc), ((size, size), (out, out)), (k, k), (s, s), (1, 1), (p, p),
        (size * size * ic, size * ic, ic), (out * out * oc, oc), spec, threads,
    )  # fmt: skip
    args[0], args[1], args[2], args[30] = (a.ctypes.data for a in (x, packed, zeros, y))
    made = program(
        matrix_unit(spec), [*args, b.ctypes.data, 0, 0, 0], task_count(args, spec.width),
        task_grain(args, spec.width), (x, packed, zeros, b),
    )  # fmt: skip
    nchw = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], strides=[s, s], pads=[p] * 4),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    label = f"conv {ic}>{oc} {size}x{size} {k}x{k}/{s}"
    return Work(
        label, made, y.transpose(0, 3, 1, 2), model(nodes, nchw, {"w": w, "b": b}), nchw, out * out * oc * ic * k * k
    )


def depthwise(c: int, size: int, k: int, s: int) -> Work:
    """A square depthwise convolution with bias and ReLU."""
    p, spec = k // 2, WindowSpec("depthwise", pick_window_vectors(c), epilogue=RELU)
    out = (size + 2 * p - k) // s + 1
    x, w, b = random(1, size, size, c), random(c, 1, k, k), random(c)
    y, packed = aligned(np.zeros((1, out, out, c), np.float32)), aligned(pack_depthwise(w))
    args = window_args(
        1, c, ((size, size), (out, out)), (k, k), (s, s), (1, 1), (p, p, p, p), (size * size * c, size * c, c),
        (out * out * c, c),
    )  # fmt: skip
    args[0], args[1], args[24] = x.ctypes.data, packed.ctypes.data, y.ctypes.data
    made = program(window_unit(spec), [*args, b.ctypes.data, 0, 0, 0], window_count(args), 1, (x, packed, b))
    nchw = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], strides=[s, s], pads=[p] * 4, group=c),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    label = f"depthwise {c} {size}x{size} {k}x{k}/{s}"
    return Work(label, made, y.transpose(0, 3, 1, 2), model(nodes, nchw, {"w": w, "b": b}), nchw, out * out * c * k * k)


def product(m: int, n: int, k: int, threads: int) -> Work:
    """A matrix product with a constant right operand and bias."""
    spec = MatrixSpec(pick_vectors(n), epilogue=Epilogue((Operand(),), "acc + e0"))
    x, w, b = random(m, k), random(k, n), random(n)
    y, packed = aligned(np.zeros((m, n), np.float32)), aligned(pack_matrix(w, spec.width))
    args = product_args((1, 1), (m, n, k), (0, 0, k, 1), (0, 0, k * spec.width, spec.width), (0, 0, n), spec, threads)
    args[0], args[1], args[30] = x.ctypes.data, packed.ctypes.data, y.ctypes.data
    made = program(
        matrix_unit(spec), [*args, b.ctypes.data, 0, 0, 0], task_count(args, spec.width),
        task_grain(args, spec.width), (x, packed, b),
    )  # fmt: skip
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"])]
    return Work(f"product {m}x{n}x{k}", made, y, model(nodes, x, {"w": w, "b": b}), x, m * n * k)


def best(call: Callable[[], object], repeat: int) -> float:
    """The best mean of four bursts, in ms, after a pause in which other threads' spinning ends."""
    time.sleep(0.03)
    call()
    found = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        for _ in range(repeat):
            call()
        found = min(found, (time.perf_counter() - start) / repeat)
    return found * 1e3


def compare(work: Work, pool: Pool, threads: int) -> None:
    """Print one line."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(work.model, options, providers=["CPUExecutionProvider"])
    exact = session.run(None, {"x": work.x})[0]
    pool.run(work.program)
    error = float(np.abs(work.result - exact).max())
    binding = session.io_binding()
    binding.bind_cpu_input("x", work.x)
    binding.bind_output("y")
    call, repeat = pool.bound(work.program), max(3, min(200, int(1e9 / work.macs)))
    mine = theirs = float("inf")
    for _ in range(6):
        mine = min(mine, best(call, repeat))
        theirs = min(theirs, best(lambda: session.run_with_iobinding(binding), repeat))
    speed = 2 * work.macs / mine / 1e6
    print(f"{work.label:28} {mine:8.4f} {theirs:8.4f} {mine / theirs:6.2f} {speed:7.0f} {error:9.1e}", flush=True)


def main() -> None:
    """Run every shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    pool = Pool(*runner_addresses(), threads)
    print(f"{'shape':28} {'ms':>8} {'ORT ms':>8} {'ratio':>6} {'GFLOP/s':>7} {'error':>9}   {threads} threads")
    for c in CONVOLUTIONS:
        compare(convolution(*c, threads), pool, threads)
    for d in DEPTHWISE:
        compare(depthwise(*d), pool, threads)
    for q in PRODUCTS:
        compare(product(*q, threads), pool, threads)


if __name__ == "__main__":
    main()
