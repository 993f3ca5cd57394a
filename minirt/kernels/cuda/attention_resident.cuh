// Attention on wgmma (sm_90a) of heads whose keys all fit one tile of BN, as its bound at build time says: keys and values of a
// head are read once for BM queries, and all scores of a row are there at once, so that nothing is scaled again.
// CONSUMERS warpgroups take pieces of 64 queries in turn, whichever head they are of, while a warp asks the copy engine for
// the heads to come.  Of BN columns those past p.t are hidden; rows of a piece past p.s take part in products alone.
// The head defines beside attention.cuh's: STAGES (of keys and values), Q_STAGES (pieces of queries), CONSUMERS,
// FEEDER_REGISTERS, REGISTERS, and `score(s, shared, held, k, keep)`, `gather(o, a, v, keep)`: 64 x COLUMNS and 64 x HDV
// products.
constexpr int PIECES = BM / 64, Q_BYTES = 64 * HD * 2, K_BYTES = BN * HD * 2, V_BYTES = BN * HDV * 2;
static_assert(Q_STAGES % CONSUMERS == 0, "a place for queries belongs to one warpgroup, which so sees each phase of its barrier");
constexpr int BARS = 2 * Q_STAGES + 3 * STAGES;
constexpr int HALF = (BN / 16 + 1) / 2;  // fragments of exponentials that are multiplied while the rest are worked out

struct Rooms { u32 q, k, v, biases, q_full, q_empty, k_full, v_full, empty; };
DEV int pieces_of(const Args& p, const Head& x) {
  const int left = (p.s - x.m0 + 63) / 64;
  return left < PIECES ? left : PIECES;
}
// The row of the head that is the first of a piece.  A last piece of few rows begins earlier, by as many warps as the head's
// number says: units that raise belong to one warp in four, and each gets as much to do.
DEV int piece_row(const Args& p, const Head& x, int piece) {
  const int row = x.m0 + 64 * piece, warps = (p.s - row + 15) / 16;
  return warps >= 4 ? row : row - 16 * ((x.b * p.heads + x.h) % (5 - warps));
}

DEV void feed(const Args& p, const TensorMap& tq, const TensorMap& tk, const TensorMap& tv, const Rooms& at) {
  const int total = tiles_of(p) * p.heads * p.batch, lane = threadIdx.x & 31;
  Turn q, kv;
  for (int t = blockIdx.x; t < total; t += gridDim.x) {
    const Head x = head_at(t, p);
    const int group = x.h / p.ratio, pieces = pieces_of(p, x);
    if (lane == 0) {
      barrier_wait(at.empty + 8 * kv.stage, kv.phase ^ 1);
      if (!MASK_ROW) barrier_expect(at.k_full + 8 * kv.stage, K_BYTES);
      copy_head<BN, HD>(at.k + kv.stage * K_BYTES, tk, at.k_full + 8 * kv.stage, 0, group, x.b * p.k_moves);
    }
    if (MASK_ROW) {  // while keys are on their way; who waits for them waits for this as well
      const MaskType* mask = mask_of(p, x);
      __syncwarp();
#pragma unroll 1
      for (int i = lane; i < BN; i += 32)
        asm volatile("st.shared.f32 [%0], %1;" ::"r"(at.biases + 4 * (kv.stage * BN + i)), "f"(column_bias(p, mask, i)) : "memory");
      __syncwarp();
    }
    if (lane == 0) {
      if (MASK_ROW) barrier_expect(at.k_full + 8 * kv.stage, K_BYTES);
#pragma unroll 1
      for (int i = 0; i < pieces; i++) {  // the first piece waits for pieces of heads before this one alone
        barrier_wait(at.q_empty + 8 * q.stage, q.phase ^ 1);
        barrier_expect(at.q_full + 8 * q.stage, Q_BYTES);
        copy_head<64, HD>(at.q + q.stage * Q_BYTES, tq, at.q_full + 8 * q.stage, piece_row(p, x, i), x.h, x.b * p.q_moves);
        q.step<Q_STAGES>();
        if (i == 0) {
          barrier_expect(at.v_full + 8 * kv.stage, V_BYTES);
          copy_head<BN, HDV>(at.v + kv.stage * V_BYTES, tv, at.v_full + 8 * kv.stage, 0, group, x.b * p.v_moves);
        }
      }
    }
    __syncwarp();
    kv.step<STAGES>();
  }
}

// The exponentials of a part of the columns, and their sum.
template <int FROM, int TO, int N> DEV void raise(float (&s)[N], float (&sum)[2], const float (&base)[2], float scale) {
#pragma unroll
  for (int e = FROM; e < TO; e++) {
    const int h = (e >> 1) & 1;
    s[e] = exp2_fast(fmaf(s[e], scale, -base[h]));
    sum[h] += s[e];
  }
}
template <int FROM, int TO, int N> DEV void pack_part(u32 (&a)[N / 8][4], const float (&s)[N]) {
#pragma unroll
  for (int i = FROM; i < TO; i++)
#pragma unroll
    for (int q = 0; q < 4; q++) a[i][q] = pack2(In{}, s[8 * i + 2 * q], s[8 * i + 2 * q + 1]);
}
template <int FROM, int TO> DEV void ask_sums(float (&o)[HDV / 2], u32 (&a)[BN / 16][4], u32 v) {
  warpgroup_fence();
#pragma unroll
  for (int i = FROM; i < TO; i++) gather(o, a[i], matrix_by_n(v, BN * 128) + 128 * i, i);
  warpgroup_commit();
}
// What the greatest of a row's scores, which a quad of lanes holds, comes to as an exponent.
template <int N> DEV void highest(const float (&s)[N], float (&base)[2], float scale) {
  float high[4] = {NOTHING, NOTHING, NOTHING, NOTHING};  // of two rows, each in two halves
#pragma unroll
  for (int e = 0; e < N; e += 2) high[(e >> 1) & 3] = fmaxf(high[(e >> 1) & 3], fmaxf(s[e], s[e + 1]));
#pragma unroll
  for (int h = 0; h < 2; h++) {
    float most = fmaxf(high[h], high[h + 2]);
    most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
    most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
    base[h] = most == NOTHING ? 0.f : most * scale;
  }
}

// One piece of queries; `slot` is its place in shared memory, `first` its row in the head.
DEV void consume_piece(const Args& p, const Rooms& at, const Head& x, int piece, int slot, const Turn& kv) {
  const int lane = threadIdx.x & 31, first = piece_row(p, x, piece) + 16 * ((threadIdx.x >> 5) & 3), row = first + (lane >> 2);
  const bool counts = __any_sync(0xffffffffu, first < p.s && first >= x.m0 + 64 * piece);  // alike in a warp
  const float scale = factor(p);
  float s[BN / 2], o[HDV / 2], sum[2] = {0.f, 0.f}, base[2] = {0.f, 0.f};
  u32 a[BN / 16][4] = {}, none[4];
  const u64 queries = matrix_by_k<128>(at.q + slot * Q_BYTES);
  const u32 keys = at.k + kv.stage * K_BYTES, values = at.v + kv.stage * V_BYTES;
  warpgroup_fence();
#pragma unroll
  for (int n = 0; n < BN; n += COLUMNS) {
    float(&some)[COLUMNS / 2] = *(float(*)[COLUMNS / 2])(s + n / 2);
#pragma unroll
    for (int i = 0; i < HD / 16; i++)
      score(some, queries + (i / 4) * (64 * 128 >> 4) + 2 * (i & 3), none, matrix_by_k<128>(keys + ((i / 4) * BN + n) * 128) + 2 * (i & 3), i);
  }
  warpgroup_commit();
  warpgroup_wait<0>();
  settled(s);
  __syncwarp();
  if (lane == 0) barrier_arrive(at.q_empty + 8 * slot);
  if (counts) {
    hide(s, p, mask_of(p, x), row, 0, at.biases + 4 * kv.stage * BN);
    highest(s, base, scale);
    raise<0, 8 * HALF>(s, sum, base, scale);
    pack_part<0, HALF>(a, s);
  }
  barrier_wait(at.v_full + 8 * kv.stage, kv.phase);
  ask_sums<0, HALF>(o, a, values);
  if (counts) {
    raise<8 * HALF, BN / 2>(s, sum, base, scale);
    pack_part<HALF, BN / 16>(a, s);
  }
  if constexpr (HALF < BN / 16) ask_sums<HALF, BN / 16>(o, a, values);
  warpgroup_wait<0>();
  settled(o);
  if (counts) write_rows(o, sum, p, x, row);
}

DEV void consume(const Args& p, const Rooms& at) {
  const int total = tiles_of(p) * p.heads * p.batch, me = threadIdx.x >> 7, lane = threadIdx.x & 31;
  Turn kv;
  int before = 0;  // pieces of the heads before
  for (int t = blockIdx.x; t < total; t += gridDim.x) {
    const Head x = head_at(t, p);
    const int pieces = pieces_of(p, x);
    barrier_wait(at.k_full + 8 * kv.stage, kv.phase);
    for (int i = (me + CONSUMERS - before % CONSUMERS) % CONSUMERS; i < pieces; i += CONSUMERS) {
      const int slot = (before + i) % Q_STAGES;
      barrier_wait(at.q_full + 8 * slot, (before + i) / Q_STAGES & 1);
      consume_piece(p, at, x, i, slot, kv);
    }
    __syncwarp();
    if (lane == 0) barrier_arrive(at.empty + 8 * kv.stage);
    before += pieces;
    kv.step<STAGES>();
  }
}

DEV void run(const Args& p, const TensorMap& tq, const TensorMap& tk, const TensorMap& tv) {
  extern __shared__ __align__(1024) u8 shared[];
  __shared__ alignas(8) u64 bars[BARS];
  __shared__ __align__(16) float biases[MASK_ROW ? STAGES * BN : 4];
  const u32 base = (shared_address(shared) + 1023) & ~1023u, bar = shared_address(bars);
  Rooms at;
  at.q = base; at.k = base + Q_STAGES * Q_BYTES; at.v = at.k + STAGES * K_BYTES; at.biases = shared_address(biases);
  at.q_full = bar; at.q_empty = at.q_full + 8 * Q_STAGES; at.k_full = at.q_empty + 8 * Q_STAGES;
  at.v_full = at.k_full + 8 * STAGES; at.empty = at.v_full + 8 * STAGES;
  if (threadIdx.x == 0) {
    prefetch_map(tq);
    prefetch_map(tk);
    prefetch_map(tv);
    for (int i = 0; i < Q_STAGES; i++) { barrier_init(at.q_full + 8 * i, 1); barrier_init(at.q_empty + 8 * i, 4); }
    for (int i = 0; i < STAGES; i++) {
      barrier_init(at.k_full + 8 * i, 1); barrier_init(at.v_full + 8 * i, 1); barrier_init(at.empty + 8 * i, 4 * CONSUMERS);
    }
    barriers_visible();
  }
  __syncthreads();
  if (threadIdx.x >= 128 * CONSUMERS) {
    registers_down<FEEDER_REGISTERS>();
    if (threadIdx.x < 128 * CONSUMERS + 32) feed(p, tq, tk, tv, at);
  } else {
    registers_up<REGISTERS>();
    consume(p, at);
  }
}
