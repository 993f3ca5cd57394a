"""Generator of the Hopper matrix kernel: bulk tensor copies, wgmma, persistent blocks, for products and convolutions.

Spec (beside ``matrix_source``'s): tile [BM, BN, BK] with BK * element size 64 or 128 bytes, stages, consumers (warpgroups
that multiply; BM = 64 * consumers * MI), per_sm (blocks a multiprocessor), b_by_k (False, 16-bit types: b is [K, N]),
conv, split.  Arguments: two tensor maps ``ta``, ``tb``, then ``args_of``.  Grid: x = min(tiles * parts * nb0 * nb1,
multiprocessors * per_sm).  Maps, innermost first, all with the swizzle of BK * element size bytes:

- product a: dims (k, m, nb1, nb0), box (BK, BM, 1, 1); b by k: (k, n, nb1, nb0), box (BK, BN, 1, 1);
  b by n: (n, k, nb1, nb0), box (64, BK, 1, 1).
- convolution a: im2col map (c, w, h, n) with ``channels`` BK and ``pixels`` BM; b: dims (c, taps, o), box (BK, 1, BN).

With ``split`` k_part counts steps of BK (of a convolution: of a tap's channels, each tap rounded up to BK).
"""

from __future__ import annotations

from typing import Any

from minirt.kernels.cuda.matrix_source import BYTES, Args, Source, Spec, assemble, extra_args, image_args


def instruction(n: int, dtype: str, b_by_k: bool) -> str:
    """``wgmma(d, a, b, keep)``: 64 x n products of two shared-memory operands, added to d where keep is not 0."""
    count = n // 2
    k, kind = (8, "tf32") if dtype == "f32" else (16, dtype)
    registers = ",".join(f"%{i}" for i in range(count))
    outputs = ", ".join(f'"+f"(d[{i}])' for i in range(count))
    flags = ", 1, 1" if dtype == "f32" else f", 1, 1, 0, {0 if b_by_k else 1}"
    return (
        f"DEV void wgmma(float (&d)[{count}], u64 a, u64 b, int keep) {{\n"
        f'  asm volatile("{{\\n.reg .pred p;\\nsetp.ne.b32 p, %{count + 2}, 0;\\n"\n'
        f'    "wgmma.mma_async.sync.aligned.m64n{n}k{k}.f32.{kind}.{kind} {{{registers}}}, %{count}, %{count + 1}, p{flags};\\n}}"\n'
        f'    : {outputs} : "l"(a), "l"(b), "r"(keep));\n}}\n'
    )


def wgmma_args(spec: Spec) -> Args:
    """Run-time arguments after the two tensor maps."""
    args: Args = [("ta", "map"), ("tb", "map"), ("c", "ptr")]
    args += [(name, "i32") for name in ("m", "n", "k", "nb0", "nb1")]
    args += [("partial", "ptr"), ("k_part", "i32"), ("parts", "i32")] if spec.get("split") else []
    args += [("ldc", "i64"), ("c_b0", "i64"), ("c_b1", "i64")]
    args += image_args() if spec.get("conv") else []
    return args + (extra_args(len(spec["epilogue"]["extras"])) if spec.get("epilogue") and not spec.get("split") else [])


def wgmma(spec: Spec) -> Source:
    """Persistent warp-specialised product or convolution; f16, bf16, f32 (as TF32)."""
    bm, bn, bk = spec["tile"]
    consumers, per_sm = spec["consumers"], spec["per_sm"]
    split, conv, b_by_k = bool(spec.get("split")), bool(spec.get("conv")), bool(spec.get("conv") or spec["b_by_k"])
    constants: dict[str, Any] = {
        "BM": bm, "BN": bn, "BK": bk, "STAGES": spec["stages"], "CONSUMERS": consumers, "MI": bm // 64 // consumers,
        "CONV": conv, "B_BY_K": b_by_k, "SPLIT": split,
    }
    shared = spec["stages"] * (bm + bn) * bk * BYTES[spec["dtype"]] + 1024
    used = {**spec, "epilogue": None, "out": "f32"} if split else spec
    threads = 128 * consumers
    return assemble("conv_wgmma" if conv else "gemm_wgmma", ["tile.cuh", "gather.cuh", "hopper.cuh", "gemm_wgmma.cuh"],
                    wgmma_args(spec), used, constants, threads, shared=shared, bound=f"__launch_bounds__({threads}, {per_sm})",
                    head=instruction(bn, spec["dtype"], b_by_k))
