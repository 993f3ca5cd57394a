"""Reads a drawn page with RapidOCR, by onnxruntime and by TensorRT: the texts must be the same, and the boxes near.

usage: python -m minirt tests/clients/read_page.py FOLDER [DETECTOR CLASSIFIER RECOGNIZER]

The folder takes the engines, which the second reader finds there. Without models of one's own RapidOCR takes those of
its wheel.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import rapidocr
from PIL import Image, ImageDraw, ImageFont

LINES = ("Hello engine 2026", "THE QUICK BROWN FOX", "jumps over 13 lazy dogs", "total: 42.50 EUR")
KINDS = ("Det", "Cls", "Rec")
OWN = ("PP-OCRv6_det_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx", "PP-OCRv6_rec_small.onnx")


def page() -> Any:
    """Draw the lines in black on white; an image as OpenCV has it."""
    made = Image.new("RGB", (900, 420), "white")
    draw = ImageDraw.Draw(made)
    for i, line in enumerate(LINES):
        draw.text((40, 30 + 95 * i), line, fill="black", font=ImageFont.load_default(44))
    return np.array(made)[:, :, ::-1].copy()


def letters(model: Path, folder: Path) -> Path:
    """Write the recognizer's letters to a file: RapidOCR reads them from the model with onnxruntime only."""
    kept = {entry.key: entry.value for entry in onnx.load(model).metadata_props}
    path = folder / "letters.txt"
    path.write_text(kept["character"])
    return path


def reader(engine: Any, models: list[Path], folder: Path, half: bool) -> rapidocr.RapidOCR:
    """Make a reader on an engine."""
    options: dict[str, Any] = {f"{kind}.engine_type": engine for kind in KINDS}
    options |= {f"{kind}.model_path": str(path) for kind, path in zip(KINDS, models, strict=True)}
    options |= {"Rec.rec_keys_path": str(letters(models[2], folder)), "Global.log_level": "warning"}
    options |= {"EngineConfig.tensorrt.cache_dir": str(folder), "EngineConfig.tensorrt.use_fp16": half}
    return rapidocr.RapidOCR(params=options)


def main() -> None:
    """Read with each, and compare."""
    folder = Path(sys.argv[1])
    models = [Path(name) for name in sys.argv[2:]] or [Path(rapidocr.__file__).parent / "models" / n for n in OWN]
    image, kinds = page(), rapidocr.EngineType
    wanted = reader(kinds.ONNXRUNTIME, models, folder, False)(image)
    print("onnxruntime reads", wanted.txts)
    for words, half in (
        ("TensorRT", False),
        ("TensorRT, its engines saved", False),
        ("TensorRT in half precision", True),
    ):
        found = reader(kinds.TENSORRT, models, folder, half)(image)
        print(words, "reads", found.txts)
        assert found.txts == wanted.txts
        assert np.abs(np.asarray(found.boxes) - np.asarray(wanted.boxes)).max() <= 2
        bound = 2e-2 if half else 1e-2  # TF32 is left on
        assert np.abs(np.asarray(found.scores) - np.asarray(wanted.scores)).max() < bound
    assert len(wanted.txts) == len(LINES)
    print("engines:", len(list(folder.glob("*.engine"))))


main()
