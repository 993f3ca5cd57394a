"""CUDA C++ text of the matrix kernels: a small generated head (types, sizes, arguments, epilogue) before a body file.

A ``spec`` is JSON-able and holds what is fixed at compile time; sizes, strides and addresses are run-time arguments,
of the same names in every kernel (``Source.args`` lists them in order; a caller gives values by name).  Each computes
``c[b0, b1, m, n] = epilogue(sum over k of a[b0, b1, m, k] * b[b0, b1, k, n], extras...)``; a convolution reads ``a``
through its taps, with m the output pixel, k = (tap row, tap column, channel), and b1 the group.

Rows m may stand for three axes: with ``split_m`` m = (q0, q1, q2) with sizes (any, m1, m2), and the result and each
extra operand have a stride for each (``c_m0`` ..); without it only ``c_m2`` is read, the stride of m itself.

Epilogue of a spec: ``body`` (an encoded scalar body whose argument 0 is the sum), ``modes``, how each extra operand
runs along n: 0 one value, 1 unit stride and 16-byte aligned rows with n % 8 == 0, 2 any stride, 3 as 1 and the same in
every row; ``out``: 1 or 2 likewise for the result; ``batched``: nb0 * nb1 may exceed 1; ``index``: for each output axis
whose coordinate the body reads, one of ``COORDINATES``;
``ordered``: columns of b lie as ``weights.column_order`` says, so that a lane's sums are neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minirt.ir.scalar import decode
from minirt.ir.scalar_cuda import cuda_function, register_type
from minirt.kernels.cuda.generate import FOLLOW, STORAGE, body_file, elements
from minirt.types.dtype import dtype_of

Spec = Mapping[str, Any]
Args = list[tuple[str, str]]

C_TYPE = {"ptr": "void*", "i32": "int", "i64": "i64", "map": "const __grid_constant__ TensorMap"}
IMAGE_STRIDES = ("sn", "sh", "sw", "sc")
IMAGE_SIZES = ("h", "w", "c", "r", "s", "stride_h", "stride_w", "pad_h", "pad_w", "dil_h", "dil_w", "oh", "ow")
COORDINATES = {
    "n": "n + j",
    "gn": "b1 * p.n + n + j",
    "m": "m",
    "q0": "q0",
    "q1": "q1",
    "q2": "q2",
    "b0": "b0",
    "b1": "b1",
    "0": "0",
}
PLACE = ("b0", "b1", "m0", "m1", "m2", "n")


@dataclass(frozen=True)
class Source:
    """One kernel to compile: its text, entry name, run-time arguments in order, block size and dynamic shared bytes."""

    text: str
    entry: str
    args: Args
    threads: int
    shared: int


def image_args() -> Args:
    """Arguments of a convolution's geometry: strides of the image in elements, sizes of image, taps and output."""
    return [(f"g_{name}", "i64") for name in IMAGE_STRIDES] + [(f"g_{name}", "i32") for name in IMAGE_SIZES]


def result_args(spec: Spec) -> Args:
    """Arguments of the result and of the extra operands: addresses, then strides in elements by ``PLACE``."""
    args: Args = [("m1", "i32"), ("m2", "i32")]
    for name in ("c", *(f"e{i}" for i in range(len(spec["modes"])))):
        args += [(name, "ptr"), *((f"{name}_{axis}", "i64") for axis in PLACE)]
    return args


def product_args(spec: Spec, split: bool = False) -> Args:
    """Arguments of a batched product: addresses, sizes, row strides, batch strides (elements), then the result's."""
    args: Args = [("a", "ptr"), ("b", "ptr")] + ([("partial", "ptr"), ("k_part", "i32")] if split else [])
    args += [(name, "i32") for name in ("m", "n", "k", "nb1")] + [("lda", "i64"), ("ldb", "i64")]
    args += [(f"{x}_{axis}", "i64") for x in "ab" for axis in ("b0", "b1")]
    return args + ([] if split else result_args(spec))


def struct_text(args: Args) -> str:
    """``struct Args`` with one field an argument (a geometry's fields are its member ``g``), and ``image(args)``."""
    fields = {name: C_TYPE[kind] for name, kind in args if not name.startswith("g_") and kind != "map"}
    fields |= {"partial": "float*", "k_part": "int", "parts": "int"}
    lines = "".join(f"  {kind} {name};\n" for name, kind in fields.items())
    if any(name == "g_sn" for name, _ in args):
        return f"struct Args {{\n{lines}  Image g;\n}};\nDEV const Image& image(const Args& p) {{ return p.g; }}\n"
    unread = "DEV const Image& image(const Args& p) { return *(const Image*)&p; }  // unread\n"
    return f"struct Args {{\n{lines}}};\nstruct Image;\n{unread}"


def rounds(spec: Spec) -> bool:
    """True where operands are 32-bit floats that are rounded to TF32, and no rest of them is multiplied."""
    return spec["dtype"] == "f32" and spec["method"] in ("mma", "patch", "wgmma") and not spec.get("x3")


def finish_text(spec: Spec) -> str:
    """``finish``: loads the extra operands of V columns of a row, applies the epilogue, rounds and stores.

    ``results`` and ``keep`` are its halves: what is stored, before rounding, and storing it at ``place``.
    ``finish_inside`` does the same but for what lies outside; there it reads the first row or column instead, so that
    no branch keeps the loads of several units from being in flight at once.
    """
    body = decode(spec["body"])
    out = body.results[0].dtype
    kind, held, sums = STORAGE[out.name], register_type(out), int(spec.get("sums", 1))
    loads, values = [], ["v[j]", "v[V + j]"][:sums]
    several = f"F (&v)[{sums} * V]" if sums > 1 else "F (&v)[V]"  # sums of the first product, then of the second
    for i, (dtype, mode) in enumerate(zip(body.args[sums:], spec["modes"], strict=True)):
        element = STORAGE[dtype.name]
        loads.append(f"  {register_type(dtype)} x{i}[V];\n")
        loads.append(
            f"  load_extra<{int(mode)}, V>(x{i}, (const {element}*)p.e{i}{_row(spec, f'e{i}')}, p.e{i}_n, n, valid);\n"
        )
        values.append(f"x{i}[j]")
    values += [f"(i64)({COORDINATES[name]})" for name in spec.get("index", ())]
    store = "store_fast<V>(to, y);" if spec["out"] == 1 else f"store_slow<{kind}, V>(to, y, p.c_n, valid);"
    if spec["out"] == 1:
        store = f"if (V >= 4) {store} else store_slow<{kind}, V>(to, y, 1, valid);"
    place = "const Args& p, int b0, int b1, int m, int n"
    return (
        cuda_function(body, "epilogue", rounds(spec))
        + f"typedef {kind} Out;\ntypedef {held} Held;\n"
        + "template <int V, class F>\n"
        + f"DEV void results({several}, Held (&y)[V], {place}, int valid) {{\n"
        + _parts(spec)
        + "".join(loads)
        + f"#pragma unroll\n  for (int j = 0; j < V; j++) y[j] = epilogue({', '.join(values)});\n}}\n"
        + f"DEV Out* place({place}) {{\n{_parts(spec)}"
        + f"  return (Out*)p.c{_row(spec, 'c')} + n * {'1' if spec['out'] == 1 else 'p.c_n'};\n}}\n"
        + f"template <int V> DEV void keep(Held (&y)[V], {place}, int valid) {{\n"
        + f"  Out* to = place(p, b0, b1, m, n);\n  {store}\n}}\n"
        + f"template <int V, class F> DEV void finish({several}, {place}, int valid) {{\n"
        + "  Held y[V];\n  results(v, y, p, b0, b1, m, n, valid);\n  keep(y, p, b0, b1, m, n, valid);\n}\n"
        + f"template <int V, class F> DEV void finish_inside({several}, {place}) {{\n"
        + "  Held y[V];\n  results(v, y, p, b0, b1, m < p.m ? m : 0, n < p.n ? n : 0, p.n - n);\n"
        + "  if (m < p.m && n < p.n) keep(y, p, b0, b1, m, n, p.n - n);\n}\n"
    )


def ahead_text(spec: Spec) -> str:
    """``fetch_ahead``: asks the second-level cache for what the epilogue of a tile will read."""
    body = decode(spec["body"])
    lines = []
    for i, (dtype, mode) in enumerate(zip(body.args[int(spec.get("sums", 1)) :], spec["modes"], strict=True)):
        each, element = 1024 // dtype.bits, STORAGE[dtype.name]
        across = f"((COLUMNS + {each - 1}) / {each})"  # lines of 128 bytes
        if mode == 1:
            lines.append(
                f"  for (int i = threadIdx.x % THREADS; i < ROWS * {across}; i += THREADS) {{\n"
                f"    const int m = m0 + i / {across}, n = n0 + i % {across} * {each};\n"
                "    if (m >= p.m || n >= p.n) continue;\n"
                f"{_parts(spec)}    prefetch((const {element}*)p.e{i}{_row(spec, f'e{i}')} + n);\n  }}\n"
            )
        elif mode == 3:
            lines.append(
                f"  for (int n = n0 + (int)(threadIdx.x % THREADS) * {each}; n < n0 + COLUMNS && n < p.n; "
                f"n += THREADS * {each})"
                f" prefetch((const {element}*)p.e{i} + n);\n"
            )
    return (
        "template <int ROWS, int COLUMNS, int THREADS>\n"
        "DEV void fetch_ahead(const Args& p, int b0, int b1, int m0, int n0) {\n"
        + "".join(lines)
        + f"}}\n[[maybe_unused]] constexpr bool AHEAD = {'true' if lines else 'false'};\n"
    )


def _parts(spec: Spec) -> str:
    if not spec.get("split_m"):
        return "  const int q2 = m;\n"
    return "  const int q1m = m / p.m2, q2 = m - q1m * p.m2, q0 = q1m / p.m1, q1 = q1m - q0 * p.m1;\n"


def _row(spec: Spec, name: str) -> str:
    axes = [("b0", "b0"), ("b1", "b1")] if spec.get("batched", True) else []
    axes += [("q0", "m0"), ("q1", "m1"), ("q2", "m2")] if spec.get("split_m") else [("q2", "m2")]
    return "".join(f" + {number} * p.{name}_{axis}" for number, axis in axes)


def constants_text(values: Mapping[str, int | bool]) -> str:
    """``constexpr`` definitions of checked numbers."""
    return "".join(
        f"[[maybe_unused]] constexpr {'bool' if isinstance(v, bool) else 'int'} {k} = {str(int(v))};\n"
        for k, v in values.items()
    )


def entry_text(entry: str, args: Args, bound: str, follow: str = FOLLOW) -> str:
    """The ``__global__`` function: flat arguments into ``Args``, then ``run``; ``bound`` limits its registers."""
    params = ", ".join(f"{C_TYPE[kind]} {name}" for name, kind in args)
    sets = "".join(
        f"  p.{'g.' + name[2:] if name.startswith('g_') else name} = {'(float*)' if name == 'partial' else ''}{name};\n"
        for name, kind in args
        if kind != "map"
    )
    maps = "".join(f", {name}" for name, kind in args if kind == "map")
    return f'extern "C" __global__ void {bound} {entry}({params}) {{\n{follow}  Args p;\n{sets}  run(p{maps});\n}}\n'


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
    head: str = "",
    partial: bool = False,
    follow: str = FOLLOW,
    middle: str = "",
) -> Source:
    """The whole text: shared files, types, constants, arguments, epilogue, ``middle``, the body (last file), the entry.

    With ``partial`` the kernel stores raw sums and has no epilogue.  ``follow`` is empty where the body itself waits
    for the launch before.
    """
    acc = register_type(decode(spec["body"]).args[0])
    types = f"typedef {STORAGE[spec['dtype']]} In;\ntypedef {acc} Acc;\n"
    empty = (
        "template <int V, class F> DEV void finish(F (&)[V], const Args&, int, int, int, int, int) {}\n"
        "template <int V, class F> DEV void finish_inside(F (&)[V], const Args&, int, int, int, int) {}\n"
        "template <int ROWS, int COLUMNS, int THREADS> DEV void fetch_ahead(const Args&, int, int, int, int) {}\n"
        "[[maybe_unused]] constexpr bool AHEAD = false;\n"
    )
    epilogue = empty if partial else finish_text(spec) + ahead_text(spec)
    parts = [body_file(name) for name in ("tile.cuh", *files[:-1])]
    constants = {**constants, "BATCHED": bool(spec.get("batched", True)), "ORDERED": bool(spec.get("ordered"))}
    parts += [types, head, constants_text(constants), struct_text(args), epilogue, middle, body_file(files[-1])]
    text = "\n".join([*parts, entry_text(entry, args, bound or f"__launch_bounds__({threads})", follow)])
    return Source(f"{elements(text)}\n{text}", entry, args, threads, shared)


def element_bytes(name: str) -> int:
    """Bytes of one element."""
    return dtype_of(name).bits // 8
