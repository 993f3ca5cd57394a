"""CUDA C++ text of the matrix kernels: a small generated head (types, sizes, arguments, epilogue) before a body file.

A ``spec`` is JSON-able and holds what is fixed at compile time; sizes, strides and addresses are run-time arguments.
Every kernel computes ``c[b0, b1, m, n] = epilogue(sum over k of a[b0, b1, m, k] * b[b0, b1, k, n], extras...)``; a
convolution reads ``a`` through its taps, with m the output pixel (image, row, column), k = (tap row, tap column, channel),
and b1 the group.  ``args_of(spec)`` lists the run-time arguments in order.

Spec fields (all methods): ``method``; ``dtype`` of a and b; ``out`` dtype; ``epilogue`` {"text": CUDA C++ of
``DEV ACC epilogue(ACC acc, ACC x0, ...)``, "extras": [{"dtype", "n": 0 | 1 | 2}]} where n says how the operand runs
along n (0 one value, 1 unit stride and 16-byte aligned rows with N % 8 == 0, 2 any stride); ``out_vec``: rows of c are
16-byte aligned, unit stride, and N % 8 == 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Spec = Mapping[str, Any]
Args = list[tuple[str, str]]

STORAGE = {"f16": "f16", "bf16": "bf16", "f32": "float", "f64": "double", "i32": "int", "i64": "i64", "bool": "bool",
           "u8": "u8", "i8": "signed char"}
BYTES = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8, "i32": 4, "i64": 8}
C_TYPE = {"ptr": "void*", "i32": "int", "i64": "i64", "map": "const __grid_constant__ TensorMap"}
IMAGE_STRIDES = ("sn", "sh", "sw", "sc")
IMAGE_SIZES = ("h", "w", "c", "r", "s", "stride_h", "stride_w", "pad_h", "pad_w", "dil_h", "dil_w", "oh", "ow")
IDENTITY = {"text": "DEV float epilogue(float acc) { return acc; }", "extras": []}


@dataclass(frozen=True)
class Source:
    """One kernel to compile: its text, entry name, run-time arguments in order, block size and dynamic shared bytes."""

    text: str
    entry: str
    args: Args
    threads: int
    shared: int


@cache
def body(name: str) -> str:
    """The text of a body file beside this module."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def image_args() -> Args:
    """Arguments of a convolution's geometry: strides of the image in elements, sizes of image, taps and output."""
    return [(f"g_{name}", "i64") for name in IMAGE_STRIDES] + [(f"g_{name}", "i32") for name in IMAGE_SIZES]


def extra_args(count: int) -> Args:
    """Arguments of ``count`` extra epilogue operands: address, then strides in elements by b0, b1, m and n."""
    args: Args = []
    for i in range(count):
        args += [(f"e{i}", "ptr"), *((f"e{i}_{axis}", "i64") for axis in ("b0", "b1", "m", "n"))]
    return args


def product_args(split: bool = False) -> Args:
    """Arguments of a batched product: addresses, sizes, row strides and batch strides (elements)."""
    args: Args = [("a", "ptr"), ("b", "ptr"), ("c", "ptr")]
    args += [("partial", "ptr"), ("k_part", "i32")] if split else []
    args += [(name, "i32") for name in ("m", "n", "k", "nb1")]
    args += [(name, "i64") for name in ("lda", "ldb", "ldc")]
    return args + [(f"{x}_{axis}", "i64") for x in "abc" for axis in ("b0", "b1")]


def struct_text(args: Args) -> str:
    """``struct Args`` with one field an argument (a geometry's fields are its member ``g``), and ``image(args)``."""
    fields = {name: C_TYPE[kind] for name, kind in args if not name.startswith("g_") and kind != "map"}
    fields |= {"partial": "float*", "k_part": "int", "parts": "int"}
    lines = "".join(f"  {kind} {name};\n" for name, kind in fields.items())
    if any(name == "g_sn" for name, _ in args):
        return f"struct Args {{\n{lines}  Image g;\n}};\nDEV const Image& image(const Args& p) {{ return p.g; }}\n"
    return f"struct Args {{\n{lines}}};\nstruct Image;\nDEV const Image& image(const Args& p) {{ return *(const Image*)&p; }}  // unread\n"


def finish_text(spec: Spec, acc: str = "float") -> str:
    """``finish``: loads the extra operands of V columns, applies the epilogue, rounds and stores."""
    epilogue = spec.get("epilogue") or IDENTITY
    out, vec = STORAGE[spec["out"]], "true" if spec.get("out_vec") else "false"
    loads, names = [], []
    for i, extra in enumerate(epilogue["extras"]):
        kind = STORAGE[extra["dtype"]]
        at = f"(const {kind}*)p.e{i} + b0 * p.e{i}_b0 + b1 * p.e{i}_b1 + m * p.e{i}_m"
        loads.append(f"  F x{i}[V];\n  load_extra<{int(extra['n'])}, V, {kind}, F>(x{i}, {at}, p.e{i}_n, n, valid);\n")
        names.append(f", x{i}[j]")
    return (
        f"{epilogue['text']}\n"
        "template <int V, class F> DEV void finish(F (&v)[V], const Args& p, int b0, int b1, int m, int n, int valid) {\n"
        + "".join(loads)
        + "#pragma unroll\n"
        + f"  for (int j = 0; j < V; j++) v[j] = epilogue(v[j]{''.join(names)});\n"
        + f"  {out}* to = ({out}*)p.c + b0 * p.c_b0 + b1 * p.c_b1 + (i64)m * p.ldc + n;\n"
        + f"  if ({vec} && V >= 4) store_fast<V>(to, v); else store_slow<{out}, V, F>(to, v, valid);\n"
        + "}\n"
    )


def constants_text(values: Mapping[str, int | bool]) -> str:
    """``constexpr`` definitions of checked numbers."""
    return "".join(
        f"constexpr {'bool' if isinstance(v, bool) else 'int'} {k} = {str(v).lower() if isinstance(v, bool) else int(v)};\n"
        for k, v in values.items()
    )


def entry_text(entry: str, args: Args, bound: str) -> str:
    """The ``__global__`` function: flat arguments into ``Args``, then ``run``; ``bound`` limits its registers."""
    params = ", ".join(f"{C_TYPE[kind]} {name}" for name, kind in args)
    sets = "".join(
        f"  p.{'g.' + name[2:] if name.startswith('g_') else name} = "
        f"{'(float*)' if name == 'partial' else ''}{name};\n"
        for name, kind in args
        if kind != "map"
    )
    maps = "".join(f", {name}" for name, kind in args if kind == "map")
    return (
        f'extern "C" __global__ void {bound} {entry}({params}) {{\n'
        f"  Args p;\n{sets}  run(p{maps});\n}}\n"
    )


def assemble(
    entry: str,
    files: Sequence[str],
    args: Args,
    spec: Spec,
    constants: Mapping[str, int | bool],
    threads: int,
    *,
    shared: int = 0,
    bound: str = "",
    acc: str = "float",
    head: str = "",
) -> Source:
    """The whole text: shared files, types, constants, arguments, epilogue, the body (last file), the entry."""
    types = f"typedef {STORAGE[spec['dtype']]} In;\ntypedef {STORAGE[spec['out']]} Out;\ntypedef {acc} Acc;\n"
    parts = [body(name) for name in files[:-1]]
    parts += [types, head, constants_text(constants), struct_text(args), finish_text(spec, acc), body(files[-1])]
    return Source("\n".join([*parts, entry_text(entry, args, bound or f"__launch_bounds__({threads})")]), entry, args, threads, shared)
