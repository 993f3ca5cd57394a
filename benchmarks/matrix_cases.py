"""Cases for the matrix kernels: operands, references in higher precision, grids and arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from matrix_device import Loaded, im2col_map, tiled_map

from minirt.kernels.cuda import gemm_source, wgmma_source
from minirt.ir.scalar import Body, arg, call, cast, const, encode
from minirt.kernels.cuda.matrix_source import Source, element_bytes
from minirt.types.dtype import dtype_of, f32

TORCH = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64, "i64": torch.int64}
TOLERANCE = {"f16": 6e-4, "bf16": 5e-3, "f32": 2e-6, "f64": 1e-13, "i64": 0.0}
WIDE = ("f64", "i64")
MULTIPROCESSORS = 132


@dataclass
class Case:
    """One kernel on one problem: ``make`` returns the launch, the output, a reference and a peer's call."""

    label: str
    sources: list[Source]
    make: Callable[[list[Loaded]], tuple[Callable[[], None], torch.Tensor, torch.Tensor, Callable[[], Any]]]
    tolerance: float
    flops: float
    timed: bool = False
    key: str = ""
    traits: dict[str, Any] = field(default_factory=dict)


def up(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def rand(*shape: int, dtype: str, scale: float = 1.0) -> torch.Tensor:
    """Standard normal numbers (small whole ones for integers)."""
    if dtype == "i64":
        return torch.randint(-9, 9, shape, device="cuda")
    return (torch.randn(*shape, device="cuda", dtype=torch.float32) * scale).to(TORCH[dtype])


def epilogue(dtype: str, vec: bool, residual: bool = True) -> dict[str, Any]:
    """relu(acc + bias[n] + residual[m, n]), as fields of a spec."""
    kind = dtype_of(dtype)
    acc = kind if dtype in WIDE else f32
    total = call("add", arg(0, acc), arg(1, acc))
    if residual:
        total = call("add", total, cast(arg(2, kind), acc))
    body = Body((acc, acc, kind) if residual else (acc, acc), (cast(call("max", total, const(0, acc)), kind),))
    mode = 1 if vec else 2
    return {"body": encode(body), "modes": [3 if vec else 2, mode][: 1 + residual], "out": mode}


def tolerance(dtype: str, method: str, spec: dict[str, Any]) -> float:
    """The relative error allowed."""
    tf32 = dtype == "f32" and method in ("mma", "wgmma") and not spec.get("x3")
    return 8e-4 if tf32 else TOLERANCE[dtype]


def split_launch(loaded: list[Loaded], grid: tuple[int, int, int], values: dict[str, Any], nb: int, parts: int) -> Callable[[], None]:
    """The launches of a kernel and, with parts > 1, of the sum after it."""
    if parts > 1:
        values["partial"] = torch.full((parts * nb * values["m"] * values["n"],), float("nan"), device="cuda")
        values["parts"], values["nb0"] = parts, values.get("nb0", nb // values["nb1"])
    first = loaded[0].bind(grid, values)
    if parts == 1:
        return first
    second = loaded[1].bind((up(nb * values["m"] * up(values["n"], 4), 256), 1, 1), values)

    def both() -> None:
        first()
        second()

    return both


def product(method: str, dtype: str, m: int, n: int, k: int, batch: tuple[int, int] = (1, 1), *, a_by_k: bool = True,
            b_by_k: bool = True, vec: bool = True, parts: int = 1, residual: bool = True, timed: bool = False, **more: Any) -> Case:
    """A batched product with bias, residual and relu."""
    out_vec = n % 8 == 0 and vec
    spec: dict[str, Any] = {"dtype": dtype, "a_by_k": a_by_k, "b_by_k": b_by_k, "split": parts > 1,
                            **epilogue(dtype, out_vec, residual), **more}
    maker = wgmma_source.wgmma if method == "wgmma" else getattr(gemm_source, method)
    sources = [maker(spec)] + ([gemm_source.split_sum({**spec, "split": False})] if parts > 1 else [])

    def make(loaded: list[Loaded]) -> Any:
        nb0, nb1 = batch
        a = rand(nb0, nb1, m, k, dtype=dtype)
        b = rand(nb0, nb1, n, k, dtype=dtype, scale=1 / math.sqrt(k) if dtype not in ("i64",) else 1)
        sa, sb = (a if a_by_k else a.mT.contiguous()), (b if b_by_k else b.mT.contiguous())
        bias = rand(n, dtype=dtype if dtype in WIDE else "f32")
        rest = rand(nb0, nb1, m, n, dtype=dtype)
        c = torch.empty(nb0, nb1, m, n, device="cuda", dtype=TORCH[dtype])
        c.fill_(float("nan") if c.is_floating_point() else 77)
        values: dict[str, Any] = {"a": sa, "b": sb, "c": c, "m": m, "n": n, "k": k, "nb0": nb0, "nb1": nb1, "m1": 1, "m2": 1, **dict.fromkeys(("ta_b0", "ta_b1", "tb_b0", "tb_b1"), 1), "a_k": 1 if a_by_k else m, "b_k": 1 if b_by_k else n,
                                  "lda": sa.stride(2), "ldb": sb.stride(2), "e0": bias, "e1": rest}
        for name, t in (("a", sa), ("b", sb), ("c", c), ("e1", rest)):
            values |= {f"{name}_b0": t.stride(0), f"{name}_b1": t.stride(1)}
        values |= {f"{x}_{axis}": 0 for x in ("c", "e0", "e1") for axis in ("m0", "m1")}
        values |= {"e0_b0": 0, "e0_b1": 0, "e0_m2": 0, "e0_n": 1, "e1_m2": n, "e1_n": 1, "c_m2": n, "c_n": 1}
        if method == "simt":
            values |= {"lda": k if a_by_k else 1, "ldb": k if b_by_k else 1}
        grid = product_grid(method, spec, values, nb0 * nb1, parts, sa, sb)
        wide = torch.float64 if dtype != "i64" and not timed else torch.float32 if dtype != "i64" else torch.float64
        ref = a.to(wide) @ b.to(wide).mT + bias.to(wide) + (rest.to(wide) if residual else 0)
        return split_launch(loaded, grid, values, nb0 * nb1, parts), c, ref.clamp(min=0), lambda: torch.matmul(a, b.mT)

    tile = "x".join(map(str, spec.get("tile", [spec.get("rows")])))
    layout = ("k" if a_by_k else "m") + ("k" if b_by_k else "n")
    label = f"{method} {dtype} {m}x{n}x{k} b{batch[0]}x{batch[1]} {layout} tile {tile} v{more.get('vec_a', '-')} parts {parts}"
    return Case(label, sources, make, tolerance(dtype, method, spec), 2.0 * m * n * k * batch[0] * batch[1], timed,
                f"gemm {dtype} {m}x{n}x{k} b{batch[0] * batch[1]} {layout}", {"tile": tile, **more})


def product_grid(method: str, spec: dict[str, Any], values: dict[str, Any], nb: int, parts: int, sa: torch.Tensor,
                 sb: torch.Tensor) -> tuple[int, int, int]:
    """The grid; sets k_part and the tensor maps where the method has them."""
    m, n, k = values["m"], values["n"], values["k"]
    if method == "gemv":
        wide = 16 // element_bytes(spec["dtype"]) if spec["fast"] else 1
        return (up(n, 16) if spec["b_by_k"] else up(n, 8 * wide), 1, nb)
    bm, bn = spec["tile"][:2]
    tiles = up(m, bm) * up(n, bn)
    if method == "simt":
        return (tiles, 1, nb)
    bk = spec["tile"][2]
    if method == "mma":
        values["k_part"] = up(up(k, bk), parts) * bk
        return (tiles, parts, nb)
    values["k_part"] = up(up(k, bk), parts)
    nb0, nb1, swizzle = values["nb0"], values["nb1"], bk * element_bytes(spec["dtype"])
    values["ta"] = tiled_map(sa, (k, m, nb1, nb0), (sa.stride(2), sa.stride(1), sa.stride(0)), (bk, bm, 1, 1), swizzle)
    if spec["b_by_k"]:
        values["tb"] = tiled_map(sb, (k, n, nb1, nb0), (sb.stride(2), sb.stride(1), sb.stride(0)), (bk, bn, 1, 1), swizzle)
    else:
        values["tb"] = tiled_map(sb, (n, k, nb1, nb0), (sb.stride(2), sb.stride(1), sb.stride(0)), (64, bk, 1, 1), swizzle)
    return (min(tiles * nb * parts, MULTIPROCESSORS * spec["per_sm"]), 1, 1)


def convolution(method: str, dtype: str, images: int, h: int, w: int, c: int, o: int, taps: tuple[int, int] = (3, 3),
                stride: int = 1, pad: int = 1, dil: int = 1, groups: int = 1, *, transposed: bool = False, nchw: bool = False,
                parts: int = 1, residual: bool = True, timed: bool = False, vec: bool = True, **more: Any) -> Case:
    """A convolution with bias, residual and relu; channels last unless ``nchw``."""
    r, s = taps
    depthwise = method == "depthwise"
    per, out_per = c // groups, o // groups
    out_vec = vec and (o if depthwise else out_per) % 8 == 0
    spec: dict[str, Any] = {"dtype": dtype, "conv": True, "b_by_k": True, "transposed": transposed, "split": parts > 1,
                            **epilogue(dtype, out_vec, residual), **more}
    if depthwise:
        spec["taps"] = [r, s, stride, dil]
    maker = wgmma_source.wgmma if method == "wgmma" else getattr(gemm_source, method)
    sources = [maker(spec)] + ([gemm_source.split_sum({**spec, "conv": False, "split": False})] if parts > 1 else [])
    if transposed:
        oh, ow = (h - 1) * stride - 2 * pad + dil * (r - 1) + 1, (w - 1) * stride - 2 * pad + dil * (s - 1) + 1
    else:
        oh, ow = (h + 2 * pad - dil * (r - 1) - 1) // stride + 1, (w + 2 * pad - dil * (s - 1) - 1) // stride + 1
    m, k = images * oh * ow, r * s * per

    def make(loaded: list[Loaded]) -> Any:
        x = rand(images, c, h, w, dtype=dtype)
        x = x if nchw else x.to(memory_format=torch.channels_last)
        shape = (c, out_per, r, s) if transposed else (o, per, r, s)
        weight = rand(*shape, dtype=dtype, scale=1 / math.sqrt(k))
        if transposed:
            packed = weight.reshape(groups, per, out_per, r, s).permute(0, 2, 3, 4, 1).contiguous()
        elif depthwise:
            packed = weight.reshape(c, r * s).T.contiguous()
        else:
            packed = weight.permute(0, 2, 3, 1).contiguous()
        bias, rest = rand(o, dtype="f32"), rand(m, o, dtype=dtype)
        y = torch.full((m, o), float("nan"), device="cuda", dtype=TORCH[dtype])
        sn, sc, sh, sw = x.stride()
        sc, sw = (1 if c == 1 and not nchw else sc), sw
        values: dict[str, Any] = {
            "a": x, "b": packed, "c": y, "m": m, "n": o if depthwise else out_per, "k": k, "nb0": 1, "nb1": groups, "lda": 0, "ldb": k, "a_k": 0, "b_k": 1, **dict.fromkeys(("ta_b0", "ta_b1", "tb_b0", "tb_b1"), 0), "m1": oh, "m2": ow,
            "a_b0": 0, "a_b1": per * sc, "b_b0": 0, "b_b1": out_per * k, "c_b0": 0, "c_b1": out_per,
            "e0": bias, "e0_b0": 0, "e0_b1": out_per, "e0_n": 1, "e1": rest, "e1_b0": 0, "e1_b1": out_per, "e1_n": 1, "c_n": 1,
            **{f"e0_m{i}": 0 for i in range(3)}, **{f"{x}_m{i}": (oh * ow * o, ow * o, o)[i] for x in ("c", "e1") for i in range(3)},
            "g_sn": sn, "g_sh": sh, "g_sw": sw, "g_sc": sc, "g_h": h, "g_w": w, "g_c": c if depthwise else per, "g_r": r, "g_s": s,
            "g_stride_h": stride, "g_stride_w": stride, "g_pad_h": pad, "g_pad_w": pad, "g_dil_h": dil, "g_dil_w": dil, "g_oh": oh, "g_ow": ow,
        }
        grid = conv_grid(method, spec, values, groups, parts, images)
        if method == "wgmma":
            bm, bn, bk = spec["tile"]
            nhwc = x.permute(0, 2, 3, 1)
            values["ta"] = im2col_map(nhwc, taps, (stride,) * 2, (pad,) * 2, (dil,) * 2, (oh, ow), bk, bm, bk * element_bytes(dtype))
            values["tb"] = tiled_map(packed, (c, r * s, o), (c, r * s * c), (bk, 1, bn), bk * element_bytes(dtype))
        wide = torch.float32 if timed else torch.float64
        fn = F.conv_transpose2d if transposed else F.conv2d
        ref = fn(x.to(wide), weight.to(wide), stride=stride, padding=pad, dilation=dil, groups=groups)
        ref = ref.permute(0, 2, 3, 1).reshape(m, o) + bias.to(wide) + (rest.to(wide) if residual else 0)
        last = weight.to(memory_format=torch.channels_last)
        return (split_launch(loaded, grid, values, groups, parts), y, ref.clamp(min=0),
                lambda: fn(x, last, stride=stride, padding=pad, dilation=dil, groups=groups))

    tile = "x".join(map(str, spec.get("tile", [spec.get("width")])))
    what = f"{'convT' if transposed else 'conv'} {dtype} n{images} {h}x{w} {c}->{o} {r}x{s}/{stride}p{pad}d{dil}g{groups}"
    return Case(f"{method} {what} tile {tile} v{more.get('vec_a', '-')} parts {parts}", sources, make, tolerance(dtype, method, spec),
                2.0 * m * o * k, timed, what, {"tile": tile, **more})


def conv_grid(method: str, spec: dict[str, Any], values: dict[str, Any], groups: int, parts: int, images: int) -> tuple[int, int, int]:
    """The grid of a convolution; sets k_part."""
    m, n, k, c = values["m"], values["n"], values["k"], values["g_c"]
    if method == "depthwise":
        wide = 16 // element_bytes(spec["dtype"]) if spec["fast"] else 1
        return (up(images * values["g_oh"] * up(values["g_ow"], spec["width"]) * up(c, wide), 256), 1, 1)
    bm, bn = spec["tile"][:2]
    tiles = up(m, bm) * up(n, bn)
    if method == "simt":
        return (tiles, 1, groups)
    bk = spec["tile"][2]
    if method == "mma":
        values["k_part"] = up(up(k, bk), parts) * bk
        return (tiles, parts, groups)
    values["k_part"] = up(values["g_r"] * values["g_s"] * up(c, bk), parts)
    return (min(tiles * parts, MULTIPROCESSORS * spec["per_sm"]), 1, 1)
