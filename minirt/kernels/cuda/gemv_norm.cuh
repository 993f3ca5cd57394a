// Rows of a normalized before a product of few rows: each block makes them for itself, in shared memory.
// The head defines, beside what gemv.cuh asks for: E, WARPS, NORM (1 by the root of the mean square, 2 about the mean
// too), NORM_K (numbers of a row), EPSILON, NORM_AHEAD (no launch writes what `load_side` reads), and of what the
// normalization's epilogue reads `Side<V>`, `load_side(side, args, k)` and `normal(side, x, j)`.

// Sums over the threads of each row; a block calls it once for each `part`.
DEV float sum_of_row(float x, float (&part)[WARPS]) {
  constexpr int EACH = WARPS / ROWS;  // warps of a row
#pragma unroll
  for (int d = 16; d; d >>= 1) x += __shfl_xor_sync(0xffffffffu, x, d);
  if constexpr (EACH == 1) return x;
  const int warp = threadIdx.x >> 5;
  if ((threadIdx.x & 31) == 0) part[warp] = x;
  __syncthreads();
  float sum = 0.f;
#pragma unroll
  for (int w = 0; w < EACH; w++) sum += part[warp / EACH * EACH + w];
  return sum;
}

// Each thread keeps to its own elements, as it stored them, until the end. With NORM_HELD `first` goes with the first ones.
DEV void normalize(In* to, const In* pa, const Args& p, int m0, const Side<E>& first) {
  constexpr int GROUP = 32 * WARPS / ROWS;  // threads of a row
  static_assert(GROUP >= 32, "a warp is of one row");
  __shared__ float parts[2][WARPS];
  const int row = threadIdx.x / GROUP, begin = threadIdx.x % GROUP * E;
  const In* from = pa + (m0 + row < p.m ? row : 0) * p.lda;
  to += row * NORM_K;
  float sum = 0.f, mean = 0.f;
#pragma unroll 4
  for (int k = begin; k < NORM_K; k += GROUP * E) {
    const Vector<In, E> v = *(const Vector<In, E>*)(from + k);  // no asm: this may not start before the wait
    *(Vector<In, E>*)(to + k) = v;
#pragma unroll
    for (int e = 0; e < E; e++) {
      const float x = widen(v.v[e]);
      sum = NORM == 2 ? sum + x : fmaf(x, x, sum);
    }
  }
  sum = sum_of_row(sum, parts[0]);
  if constexpr (NORM == 2) {
    mean = sum / (float)NORM_K;
    sum = 0.f;
#pragma unroll 4
    for (int k = begin; k < NORM_K; k += GROUP * E) {
      float x[E];
      load_vector<E>(x, to + k);
#pragma unroll
      for (int e = 0; e < E; e++) sum = fmaf(x[e] - mean, x[e] - mean, sum);
    }
    sum = sum_of_row(sum, parts[1]);
  }
  const float scale = 1.f / sqrtf(sum / (float)NORM_K + EPSILON);
#pragma unroll 2
  for (int k = begin; k < NORM_K; k += GROUP * E) {
    Side<E> side = first;
    if (!NORM_HELD || k != begin) load_side(side, p, k);
    float x[E];
    load_vector<E>(x, to + k);
#pragma unroll
    for (int e = 0; e < E; e++) x[e] = normal(side, NORM == 2 ? (x[e] - mean) * scale : x[e] * scale, e);
    store_vector<E>(to + k, x);
  }
  __syncthreads();
}
