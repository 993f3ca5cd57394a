"""Compiling CUDA text to cubins with no GPU: bytes, logs, errors, the store, worker processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from minirt.errors import BuildCancelled, CompileError
from minirt.kernels.cuda import compile as compiling
from minirt.kernels.cuda import nvrtc
from minirt.kernels.cuda.compile import (
    Compiled,
    CudaSource,
    NotCompiled,
    compile_cubin,
    compile_many,
    compile_source,
)
from minirt.kernels.store import Store

pytest.importorskip("cuda.bindings.nvrtc")


def scale(name: str, factor: float = 2.0) -> CudaSource:
    return CudaSource(f'extern "C" __global__ void {name}(float* x) {{ x[threadIdx.x] *= {factor!r}f; }}', name)


@pytest.mark.parametrize("arch", ["sm_75", "sm_80", "sm_90a"])
def test_a_kernel_becomes_an_elf_for_the_named_architecture(arch: str) -> None:
    compiled = compile_source(scale("twice"), arch)
    assert compiled.cubin[:4] == b"\x7fELF" and b"twice" in compiled.cubin
    (used,) = compiled.resources
    assert used.entry == "twice" and 0 < used.registers < 32 and used.shared == 0
    assert compiled.spills == 0 and compiled.advisories == ()


def test_spills_and_shared_memory_are_read_from_the_log() -> None:
    body = "".join(f"float v{i} = x[{i}*n]; " for i in range(96)) + "__syncthreads(); "
    body += "".join(f"x[{i}*n] = v{i} * v{(i * 7) % 96} + s[n]; " for i in range(96))
    text = (
        f'extern "C" __global__ __launch_bounds__(1024) void full(float* x, int n) {{ __shared__ float s[64]; {body} }}'
    )
    compiled = compile_source(CudaSource(text, "full"), "sm_80")
    assert compiled.spills > 0 and compiled.resources[0].shared == 256


def test_an_error_names_the_kernel_and_the_compilers_first_errors() -> None:
    with pytest.raises(CompileError, match=r"kernel 'bad' for sm_80.*does not compile") as error:
        compile_cubin(CudaSource('extern "C" __global__ void bad(float* x) { x[0] = y; }', "bad"), "sm_80")
    assert 'identifier "y" is undefined' in str(error.value)
    with pytest.raises(CompileError, match="wgmma"):
        text = 'extern "C" __global__ void w() { asm volatile("wgmma.fence.sync.aligned;"); }'
        compile_cubin(CudaSource(text, "w"), "sm_80")
    with pytest.raises(CompileError):
        compile_cubin(scale("x"), "sm_1")


def test_headers_are_found_for_kernels_that_include_them() -> None:
    text = '#include <cuda_fp16.h>\nextern "C" __global__ void h(__half* x) { x[0] = __hadd(x[0], x[1]); }'
    assert compile_cubin(CudaSource(text, "h"), "sm_80")[:4] == b"\x7fELF"


def test_the_store_answers_the_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    first = compile_source(scale("k"), "sm_80", store)
    monkeypatch.setattr(nvrtc, "compile_text", lambda *_: pytest.fail("compiled again"))
    assert compile_source(scale("k"), "sm_80", store) == first
    assert scale("k").key("sm_80") != scale("k").key("sm_90a")
    assert scale("k").key("sm_80") != CudaSource(scale("k").text, "k", ("--use_fast_math",)).key("sm_80")


@pytest.mark.parametrize("workers", [1, 2])
def test_many_kernels_compile_in_order_with_errors_in_their_places(tmp_path: Path, workers: int) -> None:
    good = [scale(f"k{i}") for i in range(5)]
    bad = CudaSource('extern "C" __global__ void bad() { ? }', "bad")
    results = compile_many([*good, bad, good[0]], "sm_80", Store(tmp_path), workers=workers)
    assert isinstance(results[5], CompileError) and "bad" in str(results[5])
    for source, result in zip([*good, good[0]], [*results[:5], results[6]], strict=True):
        assert isinstance(result, Compiled) and source.entry.encode() in result.cubin
        assert result.cubin == compile_source(source, "sm_80").cubin  # the same bytes from every process


def test_without_workers_this_process_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(compiling, "_start_worker", refuse)
    results = compile_many([scale(f"k{i}") for i in range(6)], "sm_80", workers=2)
    assert all(isinstance(result, Compiled) for result in results)


def test_a_worker_that_dies_gives_its_kernel_back(monkeypatch: pytest.MonkeyPatch) -> None:
    start = compiling._start_worker

    def stillborn() -> object:
        process = start()
        process.kill()
        process.wait()
        return process

    monkeypatch.setattr(compiling, "_start_worker", stillborn)
    results = compile_many([scale(f"k{i}") for i in range(6)], "sm_80", workers=2)
    assert all(isinstance(result, Compiled) for result in results)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_kernel_is_begun_when_the_time_is_over(tmp_path: Path, workers: int) -> None:
    store = Store(tmp_path)
    known = compile_source(scale("k0"), "sm_80", store)
    results = compile_many([scale(f"k{i}") for i in range(6)], "sm_80", store, workers, until=0.0)
    assert results[0] == known, "what is stored takes no time"
    assert all(isinstance(result, NotCompiled) for result in results[1:])


@pytest.mark.parametrize("workers", [1, 2])
def test_who_listens_hears_of_progress_and_may_end_it(workers: int) -> None:
    told: list[tuple[int, int]] = []
    compile_many([scale(f"k{i}") for i in range(6)], "sm_80", workers=workers, heard=lambda *at: told.append(at))
    assert told[-1] == (6, 6) and told == sorted(told)

    def cancel(done: int, total: int) -> None:
        raise BuildCancelled(f"at {done}", "compile")

    with pytest.raises(BuildCancelled):
        compile_many([scale(f"k{i}", 3.0) for i in range(40)], "sm_80", workers=workers, heard=cancel)
