"""Networks written out in plain PyTorch, at the sizes that are published: what the benchmarks export and compare."""
