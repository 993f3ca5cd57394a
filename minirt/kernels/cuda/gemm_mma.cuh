// GEMM and implicit-GEMM convolution on mma.sync (sm_80 and later): C[m, n] = epilogue(sum over k of A[m, k] B[k, n]).
// The head defines: In (f16, bf16, or float for TF32), BM BN BK STAGES WM WN VEC_A VEC_B, CONV TRANSPOSED A_BY_K B_BY_K SPLIT X3,
// struct Args, `image(args)`, `finish<V>(values, args, b0, b1, m, n, valid)`.
constexpr int NT = 32 * WM * WN, TM = BM / WM, TN = BN / WN, MI = TM / 16, NI = TN / 8;
constexpr int A_BYTES = BM * BK * sizeof(In), B_BYTES = BN * BK * sizeof(In), STAGE = A_BYTES + B_BYTES;
constexpr int KSTEP = 32 / sizeof(In);  // two chunks: 16 halves or 8 floats
typedef RowsByTap<In, BM, BK, NT, VEC_A, TRANSPOSED> TapsA;
typedef Choose<A_BY_K, RowsByK<In, BM, BK, NT, VEC_A>, RowsByN<In, BM, BK, NT, VEC_A>>::type MatrixA;
typedef Choose<CONV, TapsA, MatrixA>::type LoadA;
typedef Choose<B_BY_K, RowsByK<In, BN, BK, NT, VEC_B>, RowsByN<In, BN, BK, NT, VEC_B>>::type LoadB;

// Fragments of 16 rows at `row` for the KSTEP elements at step j.
DEV void fragment_a(u32 (&r)[4], u32 tile, int row, int j) {
  const int l = threadIdx.x & 31;
  if (A_BY_K) {
    ldmatrix(r, tile + LoadA::slot(row + (l & 15), 2 * j + (l >> 4)));
  } else if (sizeof(In) == 2) {
    ldmatrix_trans(r, tile + LoadA::slot(j * 16 + (l & 7) + (l >> 4) * 8, row / 8 + ((l >> 3) & 1)));
  } else {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int k = j * 8 + (l & 3) + (i >> 1) * 4, m = row + (l >> 2) + (i & 1) * 8;
      r[i] = load_shared(tile + LoadA::slot(k, m / 4) + (m & 3) * 4);
    }
  }
}
// Fragments of two 8-column blocks at `row` (of B transposed): r[0], r[1] the first block, r[2], r[3] the second.
DEV void fragment_b(u32 (&r)[4], u32 tile, int row, int j) {
  const int l = threadIdx.x & 31;
  if (B_BY_K) {
    ldmatrix(r, tile + LoadB::slot(row + (l & 7) + (l >> 4) * 8, 2 * j + ((l >> 3) & 1)));
  } else if (sizeof(In) == 2) {
    ldmatrix_trans(r, tile + LoadB::slot(j * 16 + (l & 15), row / 8 + (l >> 4)));
  } else {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int k = j * 8 + (l & 3) + (i & 1) * 4, n = row + (l >> 2) + (i >> 1) * 8;
      r[i] = load_shared(tile + LoadB::slot(k, n / 4) + (n & 3) * 4);
    }
  }
}

// One tile of BK: TF32 operands are rounded here; X3 adds the two cross terms of the rounding errors (close to fp32).
DEV void multiply(float (&acc)[MI][NI][4], u32 tile_a, u32 tile_b, int row_a, int row_b) {
#pragma unroll
  for (int j = 0; j < BK / KSTEP; j++) {
    u32 a[MI][4], b[NI / 2][4];
#pragma unroll
    for (int i = 0; i < MI; i++) fragment_a(a[i], tile_a, row_a + 16 * i, j);
#pragma unroll
    for (int i = 0; i < NI / 2; i++) fragment_b(b[i], tile_b, row_b + 16 * i, j);
    if constexpr (sizeof(In) == 4) product_tf32<X3, MI, NI>(acc, a, b);
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
      for (int n = 0; n < NI; n++) mma(In{}, acc[i][n], a[i], b[n / 2][(n & 1) * 2], b[n / 2][(n & 1) * 2 + 1]);
  }
}

DEV void write_tile(float (&acc)[MI][NI][4], const Args& p, int b0, int b1, int m0, int n0) {
  const int l = threadIdx.x & 31;
#pragma unroll
  for (int i = 0; i < MI; i++)
#pragma unroll
    for (int h = 0; h < 2; h++)
#pragma unroll
      for (int g = 0; g < NI / 4; g++) {
        float v[8];
#pragma unroll
        for (int q = 0; q < 8; q++) v[q] = acc[i][g * 4 + q / 2][h * 2 + (q & 1)];
        if constexpr (!ORDERED) quad_transpose(v);
        const int m = m0 + 16 * i + 8 * h + (l >> 2), n = n0 + 32 * g + 8 * (l & 3), valid = p.n - n;
        if (m < p.m && valid > 0) {
          if constexpr (SPLIT) store_part(p, v, m, n, valid); else finish<8>(v, p, b0, b1, m, n, valid);
        }
      }
}

DEV void run(const Args& p) {
  extern __shared__ __align__(1024) u8 shared[];
  const u32 base = shared_address(shared);
  const Corner at = tile_of<BM, BN>(p.m, p.n);
  const int m0 = at.m, n0 = at.n;
  const int b0 = BATCHED ? blockIdx.z / p.nb1 : 0, b1 = BATCHED ? blockIdx.z - b0 * p.nb1 : 0;
  const int k0 = SPLIT ? blockIdx.y * p.k_part : 0, k1 = SPLIT && k0 + p.k_part < p.k ? k0 + p.k_part : p.k;
  const int count = k1 > k0 ? (k1 - k0 + BK - 1) / BK : 0;
  const int warp = threadIdx.x >> 5, row_a = (warp % WM) * TM, row_b = (warp / WM) * TN;
  LoadA a;
  LoadB b;
  const In* pa = (const In*)p.a + b0 * p.a_b0 + b1 * p.a_b1;
  const In* pb = (const In*)p.b + b0 * p.b_b0 + b1 * p.b_b1;
  a.init(pa, p.lda, image(p), m0, p.m, k0, k1);
  b.init(pb, p.ldb, image(p), n0, ORDERED ? (p.n + 31) / 32 * 32 : p.n, k0, k1);
  float acc[MI][NI][4] = {};
  fill<STAGES, STAGE, A_BYTES>(a, b, base, count, p);
  fetch_ahead<BM, BN, NT>(p, b0, b1, m0, n0);
  int stage = 0, next = STAGES - 1;
  for (int k = 0; k < count; k++) {
    copy_wait<STAGES - 2>();
    __syncthreads();
    const bool more = k + STAGES - 1 < count;
    if (more) { a.fetch(base + next * STAGE, image(p)); b.fetch(base + next * STAGE + A_BYTES, image(p)); }
    copy_commit();
    if constexpr (X3) {  // the tensor cores' own sums truncate, so they are kept short
      float part[MI][NI][4] = {};
      multiply(part, base + stage * STAGE, base + stage * STAGE + A_BYTES, row_a, row_b);
#pragma unroll
      for (int i = 0; i < MI * NI * 4; i++) (&acc[0][0][0])[i] += (&part[0][0][0])[i];
    } else {
      multiply(acc, base + stage * STAGE, base + stage * STAGE + A_BYTES, row_a, row_b);
    }
    if (more) { a.settle(base + next * STAGE); b.settle(base + next * STAGE + A_BYTES); }
    if (++stage == STAGES) stage = 0;
    if (++next == STAGES) next = 0;
  }
  write_tile(acc, p, b0, b1, m0 + row_a, n0 + row_b);
}
