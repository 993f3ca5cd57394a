"""A model through the whole of minirt by its public API: parse, build and save here; load and run in a new process.

usage (what the new process is called with): python -m tests.models.harness ENGINE FEEDS.npz RESULTS.npz
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import minirt as trt
from tests.models.inputs import Array, Feeds
from tests.models.oracle import error_of_scale, outputs

ROOT = Path(__file__).parents[2]


class ParseError(Exception):
    """The parser refused a model; `nodes` holds (node name, op type) of each error."""

    def __init__(self, parser: trt.OnnxParser) -> None:
        errors = [parser.get_error(index) for index in range(parser.num_errors)]
        self.nodes = [(error.node_name(), error.node_operator()) for error in errors]
        super().__init__("\n".join(str(error) for error in errors) or "parse gave False, and no error")


def build(model: Path, feeds: Sequence[Feeds], flags: Sequence[trt.BuilderFlag] = ()) -> bytes:
    """Return the engine of a model, with TF32 off and one profile that spans the shapes of all the feeds."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network()
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(model)):
        raise ParseError(parser)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    for flag in flags:
        config.set_flag(flag)
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        value = network.get_input(index)
        if -1 in tuple(value.shape):
            shapes = [np.shape(feed[value.name]) for feed in feeds]
            profile.set_shape(value.name, tuple(np.min(shapes, 0)), shapes[0], tuple(np.max(shapes, 0)))
    config.add_optimization_profile(profile)
    data = builder.build_serialized_network(network, config)
    assert data is not None, "the build failed; the log says why"
    return bytes(data)


def _names(engine: trt.ICudaEngine, mode: trt.TensorIOMode) -> list[str]:
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    return [name for name in names if engine.get_tensor_mode(name) == mode]


def run_by_address(engine: trt.ICudaEngine, context: trt.IExecutionContext, feeds: Feeds) -> dict[str, Array]:
    """Run on host addresses, as a script does; outputs whose shapes the data decides are left out."""
    for name in _names(engine, trt.TensorIOMode.INPUT):
        assert context.set_input_shape(name, feeds[name].shape), name
        assert context.set_tensor_address(name, feeds[name].ctypes.data), name
    assert context.infer_shapes() == []
    results: dict[str, Array] = {}
    for name in _names(engine, trt.TensorIOMode.OUTPUT):
        shape = tuple(context.get_tensor_shape(name))
        if -1 in shape:
            return {}
        results[name] = np.empty(shape, trt.nptype(engine.get_tensor_dtype(name)))
        assert context.set_tensor_address(name, results[name].ctypes.data), name
    assert context.execute_async_v3(0)
    return results


def _load_and_run(engine_file: Path, feeds: Sequence[Feeds]) -> list[dict[str, Array]]:
    """Return the outputs for each of the feeds, from one context, having checked that both ways to run agree."""
    engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(engine_file.read_bytes())
    assert engine is not None, "the engine was refused; the log says why"
    context = engine.create_execution_context()
    results = []
    for feed in feeds:
        results.append({name: np.asarray(value) for name, value in context.run(feed).items()})
        if os.environ.get("MINIRT_TARGET") == "cpu":
            for name, value in run_by_address(engine, context, feed).items():
                np.testing.assert_array_equal(value, results[-1][name], err_msg=name)
    return results


def _save(path: Path, rows: Sequence[Mapping[str, Array]]) -> None:
    arrays = {f"{index} {name}": value for index, row in enumerate(rows) for name, value in row.items()}
    np.savez(path, **arrays)  # type: ignore[arg-type]  # mypy takes the arrays for allow_pickle


def _load(path: Path) -> list[dict[str, Array]]:
    rows: dict[int, dict[str, Array]] = {}
    with np.load(path) as saved:
        for key in saved.files:
            index, _, name = key.partition(" ")
            rows.setdefault(int(index), {})[name] = saved[key]
    return [rows[index] for index in sorted(rows)]


def run_in_new_process(engine: bytes, feeds: Sequence[Feeds], folder: Path) -> list[dict[str, Array]]:
    """Save an engine in a folder; return what a new process that loads it gives for each of the feeds."""
    files = [folder / name for name in ("model.engine", "feeds.npz", "results.npz")]
    files[0].write_bytes(engine)
    _save(files[1], feeds)
    command = [sys.executable, "-m", "tests.models.harness", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return _load(files[2])


def errors(
    model: Path,
    feeds: Sequence[Feeds],
    folder: Path,
    optimized_oracle: bool = True,
    flags: Sequence[trt.BuilderFlag] = (),
) -> dict[str, float]:
    """Return, for each output at each of the shapes, max |error| over max |reference| against onnxruntime."""
    found: dict[str, float] = {}
    for index, got in enumerate(run_in_new_process(build(model, feeds, flags), feeds, folder)):
        wanted = outputs(model, feeds[index], optimized_oracle)
        assert got.keys() == wanted.keys()
        found |= {f"{name} at shape {index}": error_of_scale(got[name], wanted[name]) for name in wanted}
    return found


if __name__ == "__main__":
    engine_path, feeds_path, results_path = map(Path, sys.argv[1:])
    _save(results_path, _load_and_run(engine_path, _load(feeds_path)))
