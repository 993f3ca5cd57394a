// Products of a short k on mma.sync (sm_80 and later), bound by what they read and write: C[m, n] = epilogue(A[m, k] B[k, n]).
// A block holds its columns of B in shared memory, in the order of fragments; each warp takes 16 * MI rows at a time, reads
// them straight into fragments, and writes all columns, with no barrier between warps.
// k and columns are taken in an order in which lane t of a quad reads 16 bytes of a row of A and writes 16 of a row of C: of
// 32 k it has 8t to 8t + 7, four a step (of a last 16: 4t to 4t + 3); of 32 columns 8t to 8t + 7, two of each 8-column block.
// The head defines: In (f16, bf16), BN (a multiple of 32) and PARTS (blocks that share rows), GROUPS (of 32 k), TAIL (16 more),
// MI WARPS, HOLD (registers hold the rows after these), B_BY_K B_FAST, BATCHED, struct Args, `finish<V>(...)`, `fetch_ahead`.
constexpr int NT = 32 * WARPS, ROWS = 16 * MI, BLOCK = GROUPS * 512 + TAIL * 256, CHUNKS = 4 * GROUPS + 2 * TAIL;

struct Rows { u32 whole[MI][2][GROUPS ? GROUPS : 1][4], tail[MI][2][2]; };

DEV void load_shared4(u32 (&x)[4], u32 at) {
  asm volatile("ld.shared.v4.b32 {%0,%1,%2,%3}, [%4];" : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at));
}
DEV void load_shared2(u32& x, u32& y, u32 at) { asm volatile("ld.shared.v2.b32 {%0,%1}, [%2];" : "=r"(x), "=r"(y) : "r"(at)); }

DEV void load_rows(Rows& r, const In* a, const Args& p, int m) {
  const int l = threadIdx.x & 31, t = l & 3;
#pragma unroll
  for (int i = 0; i < MI; i++)
#pragma unroll
    for (int h = 0; h < 2; h++) {
      const int row = m + 16 * i + 8 * h + (l >> 2);
      const In* from = a + (i64)row * p.lda;
#pragma unroll
      for (int g = 0; g < GROUPS; g++) {
        Word4 q = {};
        if (row < p.m && 32 * g + 8 * t < p.k) q = read16(from + 32 * g + 8 * t);
#pragma unroll
        for (int j = 0; j < 4; j++) r.whole[i][h][g][j] = q.w[j];
      }
      if constexpr (TAIL) {
        Word2 q = {};
        if (row < p.m && 32 * GROUPS + 4 * t < p.k) q = read8(from + 32 * GROUPS + 4 * t);
        r.tail[i][h][0] = q.w[0];
        r.tail[i][h][1] = q.w[1];
      }
    }
}
DEV void await_rows(const In* a, const Args& p, int m) {  // asks the second-level cache for them
  constexpr int LINES = (32 * GROUPS + 16 * TAIL + 63) / 64;
  for (int i = threadIdx.x & 31; i < ROWS * LINES; i += 32) {
    const int row = m + i / LINES, k = i % LINES * 64;
    if (row < p.m && k < p.k) prefetch(a + (i64)row * p.lda + k);
  }
}

DEV u32 half_bits(const In* p) { return *(const u16*)p; }
DEV void load_b(u32 to, const In* b, const Args& p, int n0) {
  for (int i = threadIdx.x; i < BN * CHUNKS; i += NT) {
    const int column = i / CHUNKS, chunk = i % CHUNKS, n = n0 + column, k = 8 * chunk;
    u32 w[4] = {};
    if (n < p.n && k < p.k) {
      if constexpr (B_BY_K && B_FAST) {
        const Word4 q = read16(b + n * p.ldb + k);
#pragma unroll
        for (int j = 0; j < 4; j++) w[j] = q.w[j];
      } else {
        const i64 step = B_BY_K ? 1 : p.ldb;
        const In* from = b + (B_BY_K ? n * p.ldb : n) + k * step;
#pragma unroll
        for (int j = 0; j < 4; j++) w[j] = half_bits(from + 2 * j * step) | half_bits(from + (2 * j + 1) * step) << 16;
      }
    }
    const int block = column / 32 * 4 + (column >> 1 & 3), g = 2 * (column >> 3 & 3) + (column & 1);
    const int whole = chunk / 4 * 512 + (4 * g + chunk % 4) * 16, tail = GROUPS * 512 + (4 * g + 2 * (chunk - 4 * GROUPS)) * 8;
    store_shared(to + block * BLOCK + (chunk < 4 * GROUPS ? whole : tail), w);
  }
}

// One step of 16 k for all rows, with words `first` and `first + 1` of each lane.
DEV void multiply(float (&acc)[MI][4][4], int j, const u32 (&lower)[MI][2], const u32 (&upper)[MI][2], u32 b0, u32 b1) {
#pragma unroll
  for (int i = 0; i < MI; i++) {
    const u32 a[4] = {lower[i][0], lower[i][1], upper[i][0], upper[i][1]};
    mma(In{}, acc[i][j], a, b0, b1);
  }
}

DEV void write_rows(const Rows& r, u32 shared_b, const Args& p, int b0, int b1, int m, int n0) {
  const int l = threadIdx.x & 31;
#pragma unroll 1
  for (int c = 0; c < BN / 32; c++) {
    const int n = n0 + 32 * c + 8 * (l & 3), valid = p.n - n;
    if (n0 + 32 * c >= p.n) break;
    float acc[MI][4][4] = {};
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const u32 at = shared_b + (4 * c + j) * BLOCK;
#pragma unroll
      for (int g = 0; g < GROUPS; g++) {
        u32 b[4], x[4][MI][2];
        load_shared4(b, at + g * 512 + l * 16);
#pragma unroll
        for (int w = 0; w < 8 * MI; w++) x[w & 3][w >> 3][w >> 2 & 1] = r.whole[w >> 3][w >> 2 & 1][g][w & 3];
        multiply(acc, j, x[0], x[1], b[0], b[1]);
        multiply(acc, j, x[2], x[3], b[2], b[3]);
      }
      if constexpr (TAIL) {
        u32 b[2], x[2][MI][2];
        load_shared2(b[0], b[1], at + GROUPS * 512 + l * 8);
#pragma unroll
        for (int w = 0; w < 4 * MI; w++) x[w & 1][w >> 2][w >> 1 & 1] = r.tail[w >> 2][w >> 1 & 1][w & 1];
        multiply(acc, j, x[0], x[1], b[0], b[1]);
      }
    }
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        float v[8];
#pragma unroll
        for (int e = 0; e < 8; e++) v[e] = acc[i][e >> 1][2 * h + (e & 1)];
        const int row = m + 16 * i + 8 * h + (l >> 2);
        if (row < p.m && valid > 0) finish<8>(v, p, b0, b1, row, n, valid);
      }
  }
}

DEV void run(const Args& p) {
  extern __shared__ __align__(1024) u8 shared[];
  const u32 shared_b = shared_address(shared);
  const int part = blockIdx.x % PARTS, n0 = part * BN, warp = threadIdx.x >> 5;
  const int b0 = BATCHED ? blockIdx.z / p.nb1 : 0, b1 = BATCHED ? blockIdx.z - b0 * p.nb1 : 0;
  const In* a = (const In*)p.a + b0 * p.a_b0 + b1 * p.a_b1;
  const int step = gridDim.x / PARTS * WARPS * ROWS;
  int m = (blockIdx.x / PARTS * WARPS + warp) * ROWS;
  Rows now, next;
  load_rows(now, a, p, m);
  fetch_ahead<ROWS, BN, 32>(p, b0, b1, m, n0);
  load_b(shared_b, (const In*)p.b + b0 * p.b_b0 + b1 * p.b_b1, p, n0);
  __syncthreads();
  for (; m < p.m; m += step) {
    if constexpr (HOLD) load_rows(next, a, p, m + step); else await_rows(a, p, m + step);
    if (AHEAD) fetch_ahead<ROWS, BN, 32>(p, b0, b1, m + step, n0);
    write_rows(now, shared_b, p, b0, b1, m, n0);
    if constexpr (HOLD) now = next; else load_rows(now, a, p, m + step);
  }
}
