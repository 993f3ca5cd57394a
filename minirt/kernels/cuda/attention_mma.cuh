// Attention on mma.sync (sm_80 and later): softmax(q k^T * scale + mask) v without the scores in memory.
// Each warp has 16 rows of queries; tiles of keys and values are copied one step ahead (Dao 2023, FlashAttention-2).
// Rows that are not made of 16-byte pieces (VECTORS false) are read one by one.  ACROSS warps share 16 rows of queries, each
// taking its part of every tile of keys; with SPLIT or CLUSTER each block reads `part` tiles of keys.  A cluster joins its
// blocks' results (attention_share.cuh); with SPLIT sums, greatest scores and sums of exponentials are left to
// attention_join.cuh.  Floats of 32 bits are multiplied as TF32 (fragments of 8, not 16, to a step).  Follows attention.cuh.
constexpr int NB = BN / ACROSS;  // keys of a tile that a warp takes
constexpr int SIZE = sizeof(In), PIECE = 16 / SIZE, STEP = 32 / SIZE;  // elements of a copy, and of a product's inner dimension
constexpr int PITCH = SIZE * HD + 16, PITCH_V = SIZE * HDV + 16;  // odd multiples of 16 bytes
constexpr int Q_BYTES = BM * PITCH, K_BYTES = BN * PITCH, STAGE = K_BYTES + BN * PITCH_V;
constexpr bool APART = ACROSS > 1 || CLUSTER > 1;  // of the first tile keys are waited for first, while values are on their way
constexpr bool HELD = SIZE * HD <= 256;  // fragments of queries stay in registers

DEV u32 bits_of(float x) { return __float_as_uint(x); }
template <class T> DEV u32 bits_of(T x) { return x.v; }
// `rows` rows of `size` elements into shared memory; the rest of the tile is zero
template <int ROWS, int WIDTH> DEV void copy_rows(u32 to, const In* from, i64 step, int rows, int size) {
  constexpr int EACH = WIDTH / PIECE, AHEAD = SIZE == 2 ? ROWS * EACH : VECTORS ? 8 : 2;  // floats' many addresses take registers
#pragma unroll AHEAD
  for (int i = 0; i < ROWS * EACH; i += NT) {
    const int at = i + threadIdx.x, r = at / EACH, c = at - r * EACH;
    if ((ROWS * EACH) % NT == 0 || at < ROWS * EACH) {
      const u32 room = to + r * (SIZE * WIDTH + 16) + 16 * c;
      const In* source = from + r * step + PIECE * c;
      if constexpr (VECTORS) {
        const bool inside = r < rows && PIECE * c < size;
        copy_async<16>(room, inside ? source : from, inside ? 16 : 0);
      } else {
        u32 words[4] = {};
#pragma unroll
        for (int q = 0; q < PIECE; q++)
          if (r < rows && PIECE * c + q < size) words[q * SIZE / 4] |= bits_of(source[q]) << (8 * SIZE * q & 31);
        store_shared(room, words);
      }
    }
  }
}

// What 16 rows came to over this block's keys: sums, the greatest score (for exponents of base 2), sums of exponentials.
template <int N> DEV void write_part(float (&o)[N], const float (&top)[2], float (&sum)[2], const Args& p, const Head& x, int row) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int h = 0; h < 2; h++) {
    float total = sum[h];
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    const int m = row + 8 * h;
    if (m >= p.s) continue;
    const i64 at = (((i64)blockIdx.y * p.batch + x.b) * p.heads + x.h) * p.s + m;
    if ((lane & 3) == 0) { p.stats[2 * at] = top[h] * factor(p); p.stats[2 * at + 1] = total; }
#pragma unroll
    for (int e = 0; e < N / 2; e++) {
      const int n = sum_column(e >> 1, e & 1);
      if (n < p.dv) p.partial[at * p.dv + n] = o[4 * (e >> 1) + 2 * h + (e & 1)];
    }
  }
}

// Fragments of queries and keys: floats are rounded to TF32.
DEV void fragment(u32 (&r)[4], u32 at) {
  ldmatrix(r, at);
  if (SIZE == 4) {
#pragma unroll
    for (int q = 0; q < 4; q++) r[q] = tf32(r[q]);
  }
}

// o += exponentials times values, whose tile begins at `values` with the warp's first key.
template <int N, int M> DEV void gather(float (&o)[N], float (&s)[M], u32 values) {
  const int lane = threadIdx.x & 31;
  if constexpr (SIZE == 2) {
    u32 a[NB / 16][4];
    pack_scores(a, s);
#pragma unroll
    for (int i = 0; i < NB / 16; i++)
#pragma unroll
      for (int n = 0; n < HDV / 16; n++) {
        u32 b[4];
        ldmatrix_trans(b, values + (16 * i + (lane & 15)) * PITCH_V + 32 * n + (lane >> 4) * 16);
        mma(In{}, &o[8 * n], a[i], b[0], b[1]);
        mma(In{}, &o[8 * n + 4], a[i], b[2], b[3]);
      }
  } else {
    // A lane's sums are of keys 2t and 2t + 1 (t its place of four), which become t and t + 4 of the inner dimension; its
    // columns of two blocks are neighbours (sum_column), so that it reads pairs.
#pragma unroll
    for (int i = 0; i < NB / 8; i++) {
      const u32 a[4] = {tf32(__float_as_uint(s[4 * i])), tf32(__float_as_uint(s[4 * i + 2])), tf32(__float_as_uint(s[4 * i + 1])),
                        tf32(__float_as_uint(s[4 * i + 3]))};
      const u32 at = values + (8 * i + 2 * (lane & 3)) * PITCH_V + 8 * (lane >> 2);
#pragma unroll
      for (int n = 0; n < HDV / 16; n++) {
        const Word2 even = load_shared2(at + 64 * n), odd = load_shared2(at + PITCH_V + 64 * n);
        mma(In{}, &o[8 * n], a, tf32(even.w[0]), tf32(odd.w[0]));
        mma(In{}, &o[8 * n + 4], a, tf32(even.w[1]), tf32(odd.w[1]));
      }
    }
  }
}

DEV void run(const Args& p) {
  extern __shared__ __align__(1024) u8 shared[];
  __shared__ __align__(16) float biases[2][MASK_ROW ? BN : 4];
  const u32 base = shared_address(shared), held = shared_address(biases);
  const Head x = head_at(blockIdx.x, p);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, group = x.h / p.ratio;
  const In* q = (const In*)p.q + x.b * p.q_b + x.h * p.q_h + x.m0 * p.q_s;
  const In* k = (const In*)p.k + x.b * p.k_b + group * p.k_h;
  const In* v = (const In*)p.v + x.b * p.v_b + group * p.v_h;
  const MaskType* mask = mask_of(p, x);
  const float scale = factor(p);
  constexpr bool SOME = SPLIT || CLUSTER > 1;
  const int begin = SOME ? blockIdx.y * p.part : 0, last = SOME && begin + p.part < x.count ? begin + p.part : x.count;
  copy_rows<BM, HD>(base, q, p.q_s, p.s - x.m0, p.d);
  if (begin < last) {
    const int from = begin * BN;
    copy_rows<BN, HD>(base + Q_BYTES, k + from * p.k_s, p.k_s, p.t - from, p.d);
    if (APART) copy_commit();
    copy_rows<BN, HDV>(base + Q_BYTES + K_BYTES, v + from * p.v_s, p.v_s, p.t - from, p.dv);
    if (MASK_ROW) for (int i = threadIdx.x; i < BN; i += NT) biases[0][i] = column_bias(p, mask, from + i);
  }
  copy_commit();
  float o[HDV / 2] = {}, top[2] = {NOTHING, NOTHING}, sum[2] = {0.f, 0.f}, old[2];
  u32 fragments[HELD ? HD / STEP : 1][4];
  const int some = warp % ACROSS * NB, rows = 16 * (warp / ACROSS);  // where the warp's keys and rows begin
  const u32 mine = base + rows * PITCH + (lane & 15) * PITCH + (lane >> 4) * 16;
  const int row = x.m0 + rows + (lane >> 2);
  for (int j = begin; j < last; j++) {
    const int odd = (j - begin) & 1;
    const u32 tile = base + Q_BYTES + odd * STAGE, next = base + Q_BYTES + (odd ^ 1) * STAGE;
    if (APART && j == begin) copy_wait<1>(); else copy_wait<0>();
    __syncthreads();
    const bool more = j + 1 < last;
    if (more) {
      const int from = (j + 1) * BN;
      copy_rows<BN, HD>(next, k + from * p.k_s, p.k_s, p.t - from, p.d);
      copy_rows<BN, HDV>(next + K_BYTES, v + from * p.v_s, p.v_s, p.t - from, p.dv);
    }
    copy_commit();
    if (HELD && j == begin) {
#pragma unroll
      for (int i = 0; i < HD / STEP; i++) fragment(fragments[HELD ? i : 0], mine + 32 * i);
    }
    float s[NB / 2] = {};
#pragma unroll
    for (int i = 0; i < HD / STEP; i++) {
      if (!HELD) fragment(fragments[0], mine + 32 * i);
#pragma unroll
      for (int n = 0; n < NB / 16; n++) {
        u32 b[4];
        fragment(b, tile + (some + 16 * n + (lane & 7) + (lane >> 4) * 8) * PITCH + 32 * i + ((lane >> 3) & 1) * 16);
        mma(In{}, &s[8 * n], fragments[HELD ? i : 0], b[0], b[1]);
        mma(In{}, &s[8 * n + 4], fragments[HELD ? i : 0], b[2], b[3]);
      }
    }
    hide(s, p, mask, row, j * BN + some, held + (odd * BN + some) * 4);
    soften(s, top, sum, old, scale);
    rescale(o, old);
    if (APART && j == begin) {
      copy_wait<1>();
      __syncthreads();
    }
    gather(o, s, tile + K_BYTES + some * PITCH_V);
    if (MASK_ROW && more) for (int i = threadIdx.x; i < BN; i += NT) biases[odd ^ 1][i] = column_bias(p, mask, (j + 1) * BN + i);
  }
  copy_wait<0>();
  if constexpr (ACROSS > 1 || CLUSTER > 1) {
    __syncthreads();  // tiles are read no more
    leave_rows((float*)shared, o, top, sum, scale);
    __syncthreads();
    share_rows((float*)shared, p, x);
  } else if constexpr (SPLIT) write_part(o, top, sum, p, x, row); else write_rows(o, sum, p, x, row);
}
