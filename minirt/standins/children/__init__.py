"""The processes that a script starts have its names too.

While a script runs, this folder is on PYTHONPATH, so that a Python started from it imports the `sitecustomize` here
before anything else. Nothing is written anywhere, and a Python that is started without the environment (`-I`, `-E`,
another `env`) is as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = str(Path(__file__).parent)


@contextmanager
def told(on_cpu: bool) -> Iterator[None]:
    """Let processes that are started meanwhile answer `tensorrt` with minirt and, on the CPU, CUDA with stand-ins."""
    kept = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (FOLDER, kept.get("PYTHONPATH", ""))))
    if on_cpu:
        os.environ["MINIRT_TARGET"] = "cpu"  # chosen already; it tells them that CUDA is to be answered too
    try:
        yield
    finally:
        for name in ("PYTHONPATH", "MINIRT_TARGET"):
            os.environ.pop(name, None)
            os.environ |= {name: kept[name]} if name in kept else {}
