"""minirt beside PyTorch eager under a CUDA graph: one process, the same inputs, GPU time of each inference.

usage: python -m benchmarks.beside_torch [CASE...] [--precision fp16|fp32|tf32]      CASE: resnet50:32 bert-full:1 ...

Each row: minirt and PyTorch in ms (medians of interleaved rounds), their ratio, and each one's error against
onnxruntime in float32 (max |error| / max |reference| of the first output).
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import torch

import minirt as trt
from benchmarks.resnet import resnet50
from tests.exports.make import condition, conditioned
from tests.exports.zoo import EXPORTS

CASES = ("resnet50:1", "resnet50:32", "bert-full:1", "vit-full:1", "unet-full:4", "mobilenetv3-full:32")
ROUNDS, REPEATS = 9, 20


def case(text: str) -> tuple[Any, dict[str, np.ndarray[Any, Any]]]:
    """The net (float32, on the CPU) and its inputs by name."""
    name, _, batch = text.partition(":")
    if name == "resnet50":
        rng = np.random.default_rng(0)
        images = [rng.normal(size=(n, 3, 224, 224)).astype(np.float32) for n in (4, int(batch))]
        return condition(resnet50(), (torch.from_numpy(images[0]),), True), {"image": images[1]}
    export = EXPORTS[name]
    return conditioned(export), dict(export.feeds(0, batch=int(batch)))


def exported(net: Any, feeds: dict[str, Any]) -> bytes:
    """The net as an ONNX model of exactly these shapes."""
    inputs = tuple(torch.from_numpy(v) for v in feeds.values())
    program = torch.onnx.export(net, inputs, dynamo=True, opset_version=20, verbose=False, input_names=list(feeds))
    held = io.BytesIO()
    program.save(held)
    return held.getvalue()


def engine_of(model: bytes, precision: str) -> Any:
    """A context of the engine that minirt builds."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network()
    parser = trt.OnnxParser(network, logger)
    assert parser.parse(model), [str(parser.get_error(i)) for i in range(parser.num_errors)]
    config = builder.create_builder_config()
    if precision == "fp16":
        config.set_flag(trt.BuilderFlag.FP16)
    if precision == "fp32":
        config.clear_flag(trt.BuilderFlag.TF32)
    engine = trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(network, config))
    return engine, engine.create_execution_context()


def minirt_call(model: bytes, feeds: dict[str, Any], precision: str) -> tuple[Callable[[], None], Any, float]:
    """A call that enqueues an inference on torch's current stream, its first output, and the build's seconds."""
    start = time.perf_counter()
    engine, context = engine_of(model, precision)
    built = time.perf_counter() - start
    held = {n: torch.from_numpy(v).cuda() for n, v in feeds.items()}
    for i in range(engine.num_io_tensors):
        name = engine.get_tensor_name(i)
        if name not in held:
            dtype = torch.from_numpy(np.empty(0, trt.nptype(engine.get_tensor_dtype(name)))).dtype
            held[name] = torch.empty(tuple(context.get_tensor_shape(name)), dtype=dtype, device="cuda")
        else:
            context.set_input_shape(name, tuple(held[name].shape))
        context.set_tensor_address(name, held[name].data_ptr())
    outputs = [n for n in held if n not in feeds]
    stream = torch.cuda.Stream()

    def call() -> None:
        assert context.execute_async_v3(stream.cuda_stream)

    call.stream = stream  # type: ignore[attr-defined]
    call.keep = (engine, held)  # type: ignore[attr-defined]
    return call, held[outputs[0]], built


def torch_call(net: Any, feeds: dict[str, Any], precision: str) -> tuple[Callable[[], None], Any]:
    """A call that replays PyTorch's CUDA graph of the net, and its first output."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    net = net.cuda().to(memory_format=torch.channels_last)
    inputs = [torch.from_numpy(v).cuda() for v in feeds.values()]
    if precision == "fp16":
        net, inputs = net.half(), [x.half() if x.is_floating_point() else x for x in inputs]
    inputs = [x.to(memory_format=torch.channels_last) if x.ndim == 4 else x for x in inputs]
    stream = torch.cuda.Stream()
    with torch.no_grad(), torch.cuda.stream(stream):
        for _ in range(3):
            net(*inputs)
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            out = net(*inputs)
    first = out[0] if isinstance(out, tuple) else out

    def call() -> None:
        graph.replay()

    call.stream = stream  # type: ignore[attr-defined]
    return call, first


def timed(call: Any) -> float:
    """GPU milliseconds of one of REPEATS inferences in a row."""
    with torch.cuda.stream(call.stream):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(REPEATS):
            call()
        end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / REPEATS


def error(got: Any, want: np.ndarray[Any, Any]) -> float:
    """Max |got - want| / max |want|."""
    return float(np.abs(got.float().cpu().numpy() - want).max() / np.abs(want).max())


def compare(text: str, precision: str) -> None:
    """Print one row."""
    net, feeds = case(text)
    model = exported(net, feeds)
    want = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, feeds)[0]
    ours, our_out, built = minirt_call(model, feeds, precision)
    theirs, their_out = torch_call(net, feeds, precision)
    for call in (ours, theirs):
        for _ in range(3):
            call()
        call.stream.synchronize()  # type: ignore[attr-defined]
    rounds = [(timed(ours), timed(theirs)) for _ in range(ROUNDS)]
    a, b = (sorted(r[i] for r in rounds)[ROUNDS // 2] for i in (0, 1))
    print(
        f"{text:20} {precision}  minirt {a:7.3f} ms  torch {b:7.3f} ms  x{b / a:5.2f}  "
        f"error {error(our_out, want):.1e} (torch {error(their_out, want):.1e})  build {built:.1f} s",
        flush=True,
    )


def main() -> None:
    """Compare what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--precision", default="fp16", choices=("fp16", "fp32", "tf32"))
    options = parser.parse_args()
    for text in options.cases:
        try:
            compare(text, options.precision)
        except (RuntimeError, AssertionError) as failure:
            print(f"{text:20} {options.precision}  FAILED: {failure}", flush=True)


if __name__ == "__main__":
    main()
