"""Generator of the Hopper matrix kernel: bulk tensor copies, wgmma, persistent blocks, for products and convolutions.

Spec (beside ``matrix_source``'s): tile [BM, BN, BK] with BK * element size 64 or 128 bytes, stages, consumers
(warpgroups that multiply), per_sm (blocks a multiprocessor), b_by_k (False, 16-bit types: b is [K, N]), conv, ahead (b
is constant, so that its first copies await no launch); share [CM, CN], the blocks of a cluster that take neighbouring
tiles along m and n, of which each copies BN / CM rows of b and BM / CN of a (the boxes of the maps), for all; parts of
k of one tile, a block of the cluster each; turns: each warpgroup takes whole tiles, in turn, else BM / consumers rows;
odd: rows of 16-bit results lie at no multiples of 16 bytes, and go out through shared memory.  Grid: clusters of
CM * CN * parts blocks, at most as many as run at once, or, with parts, one a tile.
Maps, innermost first, all with the swizzle of BK * element size bytes:

- product a: dims (k, m, nb1, nb0), box (BK, BM / CN, 1, 1); b by k: (k, n, nb1, nb0), box (BK, BN / CM, 1, 1);
  b by n: (n, k, nb1, nb0), box (64, BK, 1, 1).
- convolution a: im2col map (c, w, h, n) with ``channels`` BK and ``pixels`` BM / CN; b: dims (c, taps, o), box
  (BK, 1, BN / CM).

With parts k_part counts steps of BK (of a convolution: of a tap's channels, each tap rounded up to BK).
"""

from __future__ import annotations

from typing import Any

from minirt.kernels.cuda.matrix_source import Args, Source, Spec, assemble, element_bytes, image_args, result_args

MOVES = ("ta_b0", "ta_b1", "tb_b0", "tb_b1")  # 1 where the operand has the batch axis, 0 where all share its only one


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
        f'    "wgmma.mma_async.sync.aligned.m64n{n}k{k}.f32.{kind}.{kind} {{{registers}}}, "\n'
        f'    "%{count}, %{count + 1}, p{flags};\\n}}"\n'
        f'    : {outputs} : "l"(a), "l"(b), "r"(keep));\n}}\n'
    )


def wgmma_args(spec: Spec) -> Args:
    """Run-time arguments: two tensor maps, sizes, and the result's."""
    args: Args = [("ta", "map"), ("tb", "map"), *((name, "i32") for name in ("m", "n", "k", "nb0", "nb1", *MOVES))]
    args += result_args(spec)
    args += [("k_part", "i32")] if spec["parts"] > 1 else []
    return args + (image_args() if spec.get("conv") else [])


def registers(consumers: int, per_sm: int) -> int:
    """Registers of a lane: a quarter of an SM has 512, for all warps of its blocks there, those that copy included."""
    warps = -(-(4 * consumers + _FEEDERS) * per_sm // 4)
    return min(512 // warps // 8 * 8, 255)


def feeds_alone(sums: int, consumers: int, per_sm: int) -> bool:
    """True where two warps may feed that have as many registers as others; else a warpgroup feeds that hands its on."""
    return registers(consumers, per_sm) >= sums + sums // 5 + 54


def in_flight(spec: Spec, left: int) -> bool:
    """True where beside the sums there are registers for what the epilogue of several units reads."""
    return element_bytes(spec["dtype"]) == 2 and left >= _FLIGHT


_FEEDERS = 2  # warps that copy: one each operand
_MOVED = {2: (40, 232), 3: (40, 152)}  # by consumers: registers of a lane that feeds, of one that multiplies
_FULL, _MOVED_FULL = 192, (24, 240)  # sums of a lane from which on all its registers are needed
_FLIGHT = 68  # registers beside the sums, from which on loads of several units fit; with 64 rows of odd lengths spilled


def wgmma(spec: Spec) -> Source:
    """Persistent product or convolution on tensor cores fed by the copy engine; f16, bf16, f32 (as TF32)."""
    bm, bn, bk = spec["tile"]
    (cm, cn), parts, consumers, per_sm = spec["share"], spec["parts"], spec["consumers"], spec["per_sm"]
    conv = bool(spec.get("conv"))
    b_by_k = conv or bool(spec["b_by_k"])
    mi = bm // 64 // (1 if spec["turns"] else consumers)
    alone = feeds_alone(mi * bn // 2, consumers, per_sm)
    full = mi * bn // 2 >= _FULL
    feeding, multiplying = (0, 0) if alone else _MOVED_FULL if full else _MOVED[consumers]
    left = (multiplying or registers(consumers, per_sm)) - mi * bn // 2
    threads = 128 * consumers + (32 * _FEEDERS if alone else 128)
    odd = bool(spec["odd"]) and parts == 1 and bn % 64 == 0 and consumers < 3
    odd = odd and (not full or cm * cn == 1)
    constants: dict[str, Any] = {
        "BM": bm, "BN": bn, "BK": bk, "STAGES": spec["stages"], "CONSUMERS": consumers, "MI": mi, "CM": cm, "CN": cn,
        "PARTS": parts, "PINGPONG": bool(spec["turns"]), "AHEAD_B": bool(spec["ahead"]), "CONV": conv,
        "ODD": odd,
        "B_BY_K": b_by_k, "FEED_REGISTERS": feeding, "REGISTERS": multiplying, "FULL": full,
        "FLIGHT": in_flight(spec, left), "EXTRAS": len(spec["modes"]),
    }  # fmt: skip
    bytes_of = spec["stages"] * (bm + bn) * bk * element_bytes(spec["dtype"]) + 1024
    if parts > 1:
        units = mi * (bn // 32) * 2
        bytes_of += parts * -(-units // parts) * 32 * 128 * consumers
    bytes_of += 4 * consumers * 16 * 144 if odd else 0
    blocks = cm * cn * parts
    bound = f"__launch_bounds__({threads}, {per_sm})" + (f" __cluster_dims__({blocks}, 1, 1)" if blocks > 1 else "")
    return assemble(
        "conv_wgmma" if conv else "gemm_wgmma", ["gather.cuh", "hopper.cuh", "gemm_wgmma.cuh"], wgmma_args(spec),
        spec, constants, threads, shared=bytes_of, bound=bound, head=instruction(bn, spec["dtype"], b_by_k), follow="",
    )  # fmt: skip
