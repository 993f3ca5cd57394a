// C[m, n] for a handful of rows m: each byte of B is read once for ROWS of them, at the speed of memory.
// The head defines: In, Out, ROWS (1, 2, 4, 8, 16), B_BY_K, FAST (16-byte loads), AHEAD_B (b is a constant, which no launch
// writes), SHARE (1, 2, 4, 8), UNROLL, E (elements of a load), WARPS, GATED (the second row of a warp is one of p.b2),
// NORM (0, or a is in shared memory, rows of NORM_K), struct Args, `finish<V>(...)`.

// Eight (four) numbers of a, which lie in shared memory where they were normalized.
DEV void load_a(float (&x)[E], const In* from) {
  if constexpr (NORM) load_vector<E>(x, from);
  else if constexpr (FAST) load_fast<E>(x, from);
  else x[0] = widen(*from);
}

// B [N, K]: SHARE warps own two rows of B and all rows of A; their lanes run along k.
DEV void run_by_k(const In* pa, const In* pb, const Args& p, int b0, int b1, int m0) {
  constexpr int COLUMNS = 2;
  __shared__ float sums[WARPS][ROWS][COLUMNS];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, part = warp % SHARE;
  const int n0 = (blockIdx.x * (WARPS / SHARE) + warp / SHARE) * (GATED ? 1 : COLUMNS);
  if (SHARE == 1 && n0 >= p.n) return;
  const i64 lda = NORM ? NORM_K : p.lda;
  float acc[ROWS][COLUMNS] = {};
#pragma unroll UNROLL
  for (int k = n0 < p.n ? (part * 32 + lane) * E : p.k; k < p.k; k += SHARE * 32 * E) {
    float w[COLUMNS][E];
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      const In* from = (GATED && c ? second(p) : pb) + (i64)(!GATED && n0 + c < p.n ? n0 + c : n0) * p.ldb + k;
      if (FAST) load_fast<E>(w[c], from); else w[c][0] = widen(*from);
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      float x[E];
      load_a(x, pa + (m0 + r < p.m ? r : 0) * lda + k);
#pragma unroll
      for (int c = 0; c < COLUMNS; c++)
#pragma unroll
        for (int e = 0; e < E; e++) acc[r][c] = fmaf(x[e], w[c][e], acc[r][c]);
    }
  }
#pragma unroll
  for (int r = 0; r < ROWS; r++)
#pragma unroll
    for (int c = 0; c < COLUMNS; c++)
#pragma unroll
      for (int d = 16; d; d >>= 1) acc[r][c] += __shfl_xor_sync(0xffffffffu, acc[r][c], d);
  if constexpr (SHARE > 1) {
    if (lane == 0) {
#pragma unroll
      for (int r = 0; r < ROWS; r++)
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) sums[warp][r][c] = acc[r][c];
    }
    __syncthreads();
    if (part || n0 >= p.n) return;
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
      for (int c = 0; c < COLUMNS; c++)
#pragma unroll
        for (int w = 1; w < SHARE; w++) acc[r][c] += sums[warp + w][r][c];
  }
  float mine[COLUMNS];  // of the row that the lane finishes
#pragma unroll
  for (int r = 0; r < ROWS; r++)
#pragma unroll
    for (int c = 0; c < COLUMNS; c++)
      if (r == 0 || lane == r) mine[c] = acc[r][c];
  if (lane < ROWS && m0 + lane < p.m) finish<GATED ? 1 : COLUMNS>(mine, p, b0, b1, m0 + lane, n0, p.n - n0);
}

// B [K, N]: eight lanes own 8 * E columns; four lanes of each warp and eight warps share k.
DEV void run_by_n(const In* pa, const In* pb, const Args& p, int b0, int b1, int m0) {
  __shared__ float sums[WARPS][ROWS][8 * E];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, n0 = blockIdx.x * 8 * E, n = n0 + (lane & 7) * E;
  float acc[ROWS][E] = {};
  if (n < p.n) {
#pragma unroll UNROLL
    for (int k = warp * 4 + (lane >> 3); k < p.k; k += WARPS * 4) {
      float w[E];
      const In* from = pb + (i64)k * p.ldb + n;
      if (FAST) load_fast<E>(w, from); else w[0] = widen(*from);
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        const float x = widen(pa[(m0 + r < p.m ? r : 0) * p.lda + k]);
#pragma unroll
        for (int e = 0; e < E; e++) acc[r][e] = fmaf(x, w[e], acc[r][e]);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < ROWS; r++)
#pragma unroll
    for (int e = 0; e < E; e++) {
      acc[r][e] += __shfl_xor_sync(0xffffffffu, acc[r][e], 8);
      acc[r][e] += __shfl_xor_sync(0xffffffffu, acc[r][e], 16);
      if (lane < 8) sums[warp][r][lane * E + e] = acc[r][e];
    }
  __syncthreads();
  for (int i = threadIdx.x; i < ROWS * 8 * E; i += 32 * WARPS) {
    const int r = i / (8 * E), c = i % (8 * E);
    float v[GATED ? 2 : 1] = {};
#pragma unroll
    for (int w = 0; w < WARPS; w++) v[0] += sums[w][r][c];
    if (m0 + r < p.m && n0 + c < p.n) finish<1>(v, p, b0, b1, m0 + r, n0 + c, p.n - n0 - c);
  }
}

// Asks the second-level cache for what this warp will read first of its two rows of a constant b, a line a lane: while
// the launch before ends, memory would idle.
DEV void fetch_b(const In* pb, const Args& p) {
  constexpr int LINE = 128 / sizeof(In), LINES = 32 * E / LINE;  // elements of a line, lines that a warp reads at a time
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, line = lane >> 1;
  const int n = (blockIdx.x * (WARPS / SHARE) + warp / SHARE) * (GATED ? 1 : 2) + (GATED ? 0 : lane & 1);
  const int k = (line / LINES * SHARE + warp % SHARE) * 32 * E + line % LINES * LINE;
  if (n < p.n && k < p.k) prefetch((GATED && lane & 1 ? second(p) : pb) + (i64)n * p.ldb + k);
}

DEV void run(const Args& p) {
  const int b0 = BATCHED ? blockIdx.z / p.nb1 : 0, b1 = BATCHED ? blockIdx.z - b0 * p.nb1 : 0;
  const In* pa = (const In*)p.a + b0 * p.a_b0 + b1 * p.a_b1;
  const In* pb = (const In*)p.b + b0 * p.b_b0 + b1 * p.b_b1;
  __shared__ alignas(16) In normal_a[NORM ? ROWS * NORM_K : 1];
  if constexpr (AHEAD_B) fetch_b(pb, p);
  [[maybe_unused]] Side<E> side;
  [[maybe_unused]] const int first = threadIdx.x % (32 * WARPS / ROWS) * E;
  if (NORM_HELD && NORM_AHEAD && first < NORM_K) load_side(side, p, first);
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
  const int m0 = blockIdx.y * ROWS;
  pa += m0 * p.lda;
  if constexpr (NORM) {
    if (NORM_HELD && !NORM_AHEAD && first < NORM_K) load_side(side, p, first);
    normalize(normal_a, pa, p, m0, side);
    pa = normal_a;
  }
  if constexpr (B_BY_K) run_by_k(pa, pb, p, b0, b1, m0); else run_by_n(pa, pb, p, b0, b1, m0);
}
