#!/bin/bash
# Measures anew what docs/benchmarks.md tells, a stage a word, from the repository's root on a machine with a GPU:
#   bash benchmarks/all.sh FOLDER STAGE...
# Each stage ends in its time, prints few lines and leaves what it measured in the folder, whatever happens after it.
# Seconds on an H100 with 16 cores: verify 70, compare 540, autotune 150, untuned 130, variants 110, products 240,
# libraries 240, layers 150, float 120.  Models and compilers' caches are kept in /tmp/minirt-bench.
set -u
out=$1
shift
held=/tmp/minirt-bench
mkdir -p "$out" "$held"
export PYTHONPATH=. PYTHONWARNINGS=ignore TOKENIZERS_PARALLELISM=false
export TORCHINDUCTOR_CACHE_DIR=$held/inductor TRITON_CACHE_DIR=$held/triton MINIRT_CACHE=${MINIRT_CACHE:-$held/cache}
NARROW="--steps 6 --rounds 7 --models $held/models"

compare() { # seconds, name, further arguments
  timeout -k 5 "$1" python3 -m benchmarks.compare $NARROW --out "$out/$2" "${@:3}" >"$out/$2.txt" 2>&1
  grep -aE "^[a-z0-9]+:[0-9]+ |floor|us \(floor\)|FAILED|without|skipped|geometric|prepared|^\|" "$out/$2.txt" |
    cut -c1-260 | head -c 5000
}

listed() { # seconds, name, lines, module, further arguments
  timeout -k 5 "$1" python3 -m "$4" "${@:5}" >"$out/$2.txt" 2>&1
  grep -av "Warning" "$out/$2.txt" | cut -c1-220 | tail -n "$3"
}

for stage in "$@"; do
  echo "== $stage"
  begin=$SECONDS
  case $stage in
    verify) # what the newest kernels and plans compute
      timeout -k 5 70 python3 -m pytest tests/gpu/test_nets.py tests/gpu/test_overlap.py tests/gpu/test_depthwise.py \
        -m gpu -q -n 8 -p no:cacheprovider --tb=line --maxfail=12 2>&1 | tail -16 | cut -c1-200
      ;;
    compare) # every case beside eager PyTorch and torch.compile, in one process: times, errors, builds, kernels
      compare 580 compare --peers eager,compile --jobs 6 --prepare-seconds 240 --compile-seconds 200 --budget 560
      ;;
    autotune) # BERT and ResNet beside torch.compile at its best
      compare 150 autotune bert:1 bert:32 --peers max-autotune --jobs 2 --prepare-seconds 90 --compile-seconds 90 \
        --budget 140 --no-warm
      ;;
    untuned) # the same cases with nothing timed: what the model of time loses
      compare 130 untuned --peers "" --level 2 --no-warm --budget 120
      ;;
    variants) # early launches and branches everywhere, for the cases of many short launches
      compare 110 variants llama:1 unet:4 mobilenetv2:1 bert:1 resnet50:1 --peers "" --no-warm --budget 100 \
        --variants MINIRT_OVERLAP,MINIRT_BRANCHES,MINIRT_OVERLAP+MINIRT_BRANCHES
      ;;
    products) # each tactic of products and convolutions beside cuBLAS and cuDNN, for fitting the model
      listed 240 products 30 benchmarks.tuning --level 5 --seconds 215 --fit "$out/products.jsonl"
      ;;
    libraries) # what level 3 picks beside cuBLAS, cuDNN and PyTorch's attention, in both types of 16 bits
      listed 160 libraries 6 benchmarks.tuning --dtype f16,bf16 --only '^f16 |^bf16 [0-9]' --level 3 --seconds 140 \
        --fit "$out/libraries.jsonl"
      for dtype in f16 bf16; do listed 60 "attention-$dtype" 24 benchmarks.attention --dtype $dtype --seconds 45; done
      ;;
    layers) # depthwise convolutions, norms, copies and attention, each tactic
      listed 50 depthwise 24 benchmarks.depthwise --all
      listed 50 rows 30 benchmarks.rows --all --seconds 45
      listed 50 attention 16 benchmarks.attention --all
      ;;
    float) # float32, with TF32 and without
      compare 60 tf32 resnet50:32 bert:1 unet:4 --precision tf32 --peers eager --no-warm --budget 55
      compare 60 fp32 resnet50:32 bert:1 --precision fp32 --peers eager --no-warm --budget 55
      ;;
    *) echo "no stage is called $stage" ;;
  esac
  echo "$stage took $((SECONDS - begin)) s"
done
