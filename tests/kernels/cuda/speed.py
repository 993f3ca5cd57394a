"""Times the memory-bound kernels at sizes that fill a GPU: ``python -m tests.kernels.cuda.speed``."""

from __future__ import annotations

import numpy as np

from minirt.build.targets import cuda_target
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Add
from minirt.ops.cast import Cast
from minirt.ops.indexing import Gather
from minirt.ops.layout import Relayout
from minirt.ops.movement import Concat, Pad
from minirt.ops.normalization import Normalization
from minirt.ops.ordering import ArgReduce, Cumulative, TopK
from minirt.ops.reduce import Reduce
from minirt.ops.resize import Resize
from minirt.ops.softmax import Softmax
from minirt.runtime import device as dev
from minirt.types.dtype import f16
from tests.kernels.cuda.execution import Case, Runner, check, choices, moved_bytes
from tests.kernels.cuda.image_cases import pool
from tests.kernels.cuda.map_cases import channels_last, fused, random
from tests.kernels.cuda.movement_cases import places
from tests.kernels.cuda.row_cases import AFFINE_HALF


def cases() -> list[Case]:
    """Sizes of tens of megabytes and more."""
    half = np.float16
    image = random(32, 256, 56, 56, dtype=half)
    image_last = channels_last(image)
    return [
        Case("add f32", Add(), [random(1 << 25), random(1 << 25, seed=1)]),
        Case("gelu-fused f16 + bias", fused(f16),
             [random(1 << 14, 4096, dtype=half), random(4096, dtype=half), random(1, dtype=half)]),
        Case("sigmoid f16", Sigmoid(), [random(1 << 26, dtype=half)]),
        Case("sigmoid f16, odd rows + bias", Add(), [random(1 << 13, 4097, dtype=half), random(4097, dtype=half)]),
        Case("cast f32 to f16", Cast(f16), [random(1 << 25)]),
        Case("to channels-last f16", Relayout((0, 2, 3, 1)), [image]),
        Case("from channels-last f16", Relayout(()), [channels_last(image)]),
        Case("to channels-last f32", Relayout((0, 2, 3, 1)), [random(32, 128, 56, 56)]),
        Case("heads f16", Relayout(()), [random(64, 512, 16, 64, dtype=half).transpose(0, 2, 1, 3)]),
        Case("sum rows f32 1024", Reduce("sum", (1,)), [random(1 << 15, 1024)]),
        Case("sum all f32", Reduce("sum", (0, 1)), [random(1 << 15, 1024)]),
        Case("sum columns f32", Reduce("sum", (0,)), [random(1 << 15, 1024)]),
        Case("global pool f16", Reduce("mean", (2, 3)), [channels_last(image)]),
        Case("softmax f16 512", Softmax(1), [random(1 << 16, 512, dtype=half)]),
        Case("softmax f32 1024", Softmax(1), [random(1 << 15, 1024)]),
        Case("softmax f16 8192", Softmax(1), [random(1 << 12, 8192, dtype=half)]),
        Case("layer f16 768", Normalization((1,), "layer", 1e-5, AFFINE_HALF),
             [random(1 << 16, 768, dtype=half), random(768, dtype=half), random(768, dtype=half)]),
        Case("rms f16 4096", Normalization((1,), "rms"), [random(1 << 13, 4096, dtype=half)]),
        Case("gather rows f16", Gather(0), [random(1 << 16, 768, dtype=half), places(1 << 16, below=1 << 16)]),
        Case("max pool f16", pool("max", 3, 2, 1), [image_last]),
        Case("resize linear f16", Resize((1, 1, 2, 2), (32, 64, 112, 112), "linear"), [channels_last(image[:, :64])]),
        Case("concat f16", Concat(1), [image_last, image_last]),
        Case("pad f16", Pad((0, 0, 1, 1), (0, 0, 1, 1)), [image_last, np.array(0, half)]),
        Case("arg max f32", ArgReduce("max", 1), [random(1 << 15, 1024)]),
        Case("running sum f32", Cumulative("sum", 1), [random(1 << 15, 1024)]),
        Case("top 5 of 1000", TopK(1, 5), [random(1 << 12, 1000)]),
        Case("top 100 of 100000", TopK(1, 100), [random(8, 100000)]),
        Case("instance f16 channels-last", Normalization((2, 3)), [channels_last(image)]),
    ]  # fmt: skip


def main() -> None:
    """Prints microseconds and GB/s of each kernel, after checking its numbers."""
    device = dev.Device(0)
    target = cuda_target()
    print(f"{device.name}")
    for case in cases():
        for kernel, problem, tactic in choices(case, target):
            runner = Runner(case, kernel, problem, tactic, target)
            try:
                check(case, runner.run(), case.name)
                note = ""
            except AssertionError as error:
                note = f"  WRONG {str(error)[:200]!r}"
            time = runner.microseconds()
            rate = moved_bytes(case, problem) / time / 1e3
            print(f"{case.name:32} {kernel.name:16} {time:9.1f} us {rate:7.0f} GB/s{note}", flush=True)


if __name__ == "__main__":
    main()
