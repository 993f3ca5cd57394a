"""Every MINIRT_* environment variable, as fields of one dataclass."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from minirt.errors import ApiError

PREFIX = "MINIRT_"


def _default_cache() -> Path:
    """Return the user's cache folder for minirt, by the XDG base directory specification."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root else Path.home() / ".cache") / "minirt"


@dataclass(frozen=True)
class Flags:
    """What the environment asks of minirt; each field says which variable it is."""

    debug: int = 0
    """MINIRT_DEBUG=0..4: 1 phases, 2 launches with µs and GB/s, 3 rules fired, 4 kernel sources."""
    dump: Path | None = None
    """MINIRT_DUMP=dir: write the graph there as text after each pass."""
    check: bool = False
    """MINIRT_CHECK=1: after each pass compare with the reference and name the first wrong pass."""
    tune: bool = True
    """MINIRT_TUNE=0: time nothing and look up no times; each kernel's first tactic is taken."""
    cuda_graph: bool = True
    """MINIRT_CUDA_GRAPH=0: always plain launches."""
    overlap: bool | None = None
    """MINIRT_OVERLAP=0|1: no launch, or each, is set up while the one ahead still runs; by default short ones are."""
    branches: bool | None = None
    """MINIRT_BRANCHES=0|1: in a CUDA graph no launch, or any, runs beside others; by default short ones do."""
    cache: Path = field(default_factory=_default_cache)
    """MINIRT_CACHE=dir: compiled kernels and timings; by default minirt under the user's cache folder."""
    models: Path | None = None
    """MINIRT_MODELS=dir: where the tests and the demo keep the trained models they fetch; by default in the cache."""
    raise_errors: bool = False
    """MINIRT_RAISE=1: API calls raise a MinirtError instead of logging it and returning None or False."""
    target: str = ""
    """MINIRT_TARGET=cpu|cuda:sm_NN: what to build for; by default the first CUDA device, or else the CPU."""
    dialect: str = ""
    """MINIRT_DIALECT=7|8|10|11: whose TensorRT API `import minirt` speaks; by default 10.16's."""
    threads: int = 0
    """MINIRT_THREADS=n: CPU threads of an inference; 0 takes the cores that this process may use."""
    budget: int = 0
    """MINIRT_BUDGET=seconds: begin no compiling or timing of tactics later than that in a build; 0 is no bound."""
    rows: bool = True
    """MINIRT_ROWS=0: products of a few rows on a GPU take in no normalization before them and no second product."""


_VARIABLES = {name: PREFIX + name.removesuffix("_errors").upper() for name in Flags.__dataclass_fields__}


def _number(variable: str, text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ApiError(f"'{text}' is not a whole number from {low} to {high}", variable, "change or unset it")
    return int(text)


def _parse(name: str, variable: str, text: str) -> object:
    match name:
        case "debug":
            return _number(variable, text, 0, 4)
        case "threads":
            return _number(variable, text, 0, 1024)
        case "budget":
            return _number(variable, text, 0, 1 << 20)
        case "check" | "tune" | "cuda_graph" | "overlap" | "branches" | "rows" | "raise_errors":
            return bool(_number(variable, text, 0, 1))
        case "dump" | "cache" | "models":
            return Path(text).expanduser().absolute()
        case _:
            return text


def read_flags(environment: Mapping[str, str]) -> Flags:
    """Return the flags that an environment asks for; a variable that is unset or empty keeps its default.

    Raises ApiError, naming the variable, for a value out of its range.
    """
    given = {name: environment.get(variable, "") for name, variable in _VARIABLES.items()}
    fields = {name: _parse(name, _VARIABLES[name], text) for name, text in given.items() if text}
    return Flags(**fields)  # type: ignore[arg-type]


@lru_cache(maxsize=8)
def _read_cached(values: tuple[str, ...]) -> Flags:
    return read_flags(dict(zip(_VARIABLES.values(), values, strict=True)))


def flags() -> Flags:
    """Return the flags of the environment as it is now; parsed once for each set of values, so cheap to call."""
    return _read_cached(tuple(os.environ.get(variable, "") for variable in _VARIABLES.values()))
