"""Prints the table of docs/support.md: each model's largest error at each shape, against onnxruntime.

usage: python -m tests.models.report [NAME...]     NAMEs of trained, light or exported models; all by default
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.exports.zoo import EXPORTS, export_path
from tests.models import light, zoo
from tests.models.harness import ParseError, errors
from tests.models.inputs import Feeds


def _cases() -> Iterator[tuple[str, Path, list[Feeds], bool]]:
    """Give name, file, feeds and whether onnxruntime may optimise, for each model that is here or can be fetched."""
    wanted = sys.argv[1:]
    for key, model in zoo.MODELS.items():
        if not wanted or key in wanted:
            yield key, zoo.fetch(key), [model.feeds(variant) for variant in model.variants], model.optimized_oracle
    for name in light.LIGHT:
        if not wanted or name in wanted:
            yield name, light.light_path(name), [light.feeds(name)], True
    for name, export in EXPORTS.items():
        if export_path(name).exists() and (not wanted or name in wanted):
            yield name, export_path(name), [export.feeds(variant) for variant in export.variants], True


def _line(model: Path, feeds: list[Feeds], optimized: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        found = errors(model, feeds, Path(folder), optimized)
    worst = (max(error for name, error in found.items() if name.endswith(f" {i}")) for i in range(len(feeds)))
    return " · ".join(f"{error:.1e}" for error in worst)


def main() -> None:
    """Print one row a model, as each is done."""
    print(f"| model | max error of scale, a shape each ({os.environ.get('MINIRT_TARGET') or 'default target'}) | s |")
    print("|---|---|---|")
    for name, model, feeds, optimized in _cases():
        start = time.perf_counter()
        try:
            text = _line(model, feeds, optimized)
        except ParseError as error:
            text = f"refused: {', '.join(sorted({op for _, op in error.nodes}))}"
        except Exception as error:  # one model's failure is a row of the table, not the end of it
            text = f"{type(error).__name__}: {' '.join(str(error).split())[-300:]}"
        print(f"| {name} | {text} | {time.perf_counter() - start:.1f} |", flush=True)


if __name__ == "__main__":
    main()
