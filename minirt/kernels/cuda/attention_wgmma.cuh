// Attention on wgmma (sm_90a): CONSUMERS warpgroups of 64 rows of queries each, fed by a warpgroup of which one warp asks the
// copy engine for tiles.  While one tile's exponentials are worked out, the product of the tile before with its values and,
// with TURNS, the products of the other warpgroup run (Shah et al. 2024, FlashAttention-3).  With ACROSS above 1 warpgroups
// share 64 queries instead, each taking every ACROSS-th tile of keys, and join what they found (attention_share.cuh).
// The head defines beside attention.cuh's: STAGES, Q_STAGES, CONSUMERS, TURNS, HOLD (queries stay in registers),
// FEEDER_REGISTERS, REGISTERS, and `score(s, shared, held, k, keep)`, `gather(o, a, v, keep)`: 64 x BN and 64 x HDV products.
constexpr int Q_BYTES = BM * HD * 2, K_BYTES = BN * HD * 2, V_BYTES = BN * HDV * 2;
constexpr bool SHARED = ACROSS > 1;  // all warpgroups have the same 64 queries, and take tiles of keys in turn
constexpr int READERS = SHARED ? 1 : CONSUMERS;  // warpgroups that read a tile of keys
static_assert(!SHARED || (ACROSS == CONSUMERS && STAGES % ACROSS == 0 && !TURNS), "a stage belongs to one warpgroup, which sees each phase of its barriers");
constexpr bool APART = !SHARED && CONSUMERS > 2;  // see consume_apart
constexpr int BARS = 2 * Q_STAGES + 4 * STAGES;
DEV void turn_wait(int which) { asm volatile("bar.sync %0, 256;" ::"r"(which + 1) : "memory"); }
DEV void turn_pass(int which) { asm volatile("bar.arrive %0, 256;" ::"r"(which + 1) : "memory"); }
// What follows is not begun before a sum of exponentials is known: within one block of code the assembler would move a wait
// ahead of them, and they would no longer run beside the product that is waited for.  Such a sum is never negative.
DEV void after(float sum) {
  if (sum < 0.f) asm volatile("{\nW: nanosleep.u32 1000;\nbra W;\n}" ::: "memory");
}

struct Rooms { float* sums; u32 q, k, v, biases, q_full, q_empty, k_full, k_empty, v_full, v_empty; };
DEV void feed(const Args& p, const TensorMap& tq, const TensorMap& tk, const TensorMap& tv, const Rooms& at) {
  const int total = tiles_of(p) * p.heads * p.batch, lane = threadIdx.x & 31;
  Turn q, kv;
  for (int t, round = 0; (t = tile_number(round, p)) < total; round++) {
    const Head x = head_at(t, p);
    const int group = x.h / p.ratio;
    if (lane == 0) {
      barrier_wait(at.q_empty + 8 * q.stage, q.phase ^ 1);
      barrier_expect(at.q_full + 8 * q.stage, Q_BYTES);
      copy_head<BM, HD>(at.q + q.stage * Q_BYTES, tq, at.q_full + 8 * q.stage, x.m0, x.h, x.b * p.q_moves);
    }
    q.step<Q_STAGES>();
    const MaskType* mask = mask_of(p, x);
    for (int j = 0; j < x.count; j++) {
      if (MASK_ROW) {
        float bias[(BN + 31) / 32];
#pragma unroll
        for (int i = 0; i < BN; i += 32) bias[i / 32] = column_bias(p, mask, j * BN + i + lane);
        barrier_wait(at.k_empty + 8 * kv.stage, kv.phase ^ 1);
#pragma unroll
        for (int i = 0; i < BN; i += 32)
          if (BN % 32 == 0 || i + lane < BN) asm volatile("st.shared.f32 [%0], %1;" ::"r"(at.biases + 4 * (kv.stage * BN + i + lane)), "f"(bias[i / 32]) : "memory");
        __syncwarp();
      }
      if (lane == 0) {
        if (!MASK_ROW) barrier_wait(at.k_empty + 8 * kv.stage, kv.phase ^ 1);
        barrier_expect(at.k_full + 8 * kv.stage, K_BYTES);
        copy_head<BN, HD>(at.k + kv.stage * K_BYTES, tk, at.k_full + 8 * kv.stage, j * BN, group, x.b * p.k_moves);
        barrier_wait(at.v_empty + 8 * kv.stage, kv.phase ^ 1);
        barrier_expect(at.v_full + 8 * kv.stage, V_BYTES);
        copy_head<BN, HDV>(at.v + kv.stage * V_BYTES, tv, at.v_full + 8 * kv.stage, j * BN, group, x.b * p.v_moves);
      }
      __syncwarp();
      kv.step<STAGES>();
    }
  }
}

// The warpgroup's queries: in shared memory, or fragments in registers.
struct Queries { u64 shared; u32 held[HOLD ? HD / 16 : 1][4]; };
DEV void ask_scores(float (&s)[BN / 2], Queries& q, u32 k) {
  warpgroup_fence();
#pragma unroll
  for (int i = 0; i < HD / 16; i++) {
    const u64 keys = matrix_by_k<128>(k + (i / 4) * BN * 128) + 2 * (i & 3);
    score(s, q.shared + (i / 4) * (BM * 128 >> 4) + 2 * (i & 3), q.held[HOLD ? i : 0], keys, i);
  }
  warpgroup_commit();
}
DEV void take_queries(Queries& q, u32 at) {
  const int warp = SHARED ? (threadIdx.x >> 5) & 3 : threadIdx.x >> 5, lane = threadIdx.x & 31;
  q.shared = matrix_by_k<128>(at + (warp >> 2) * 64 * 128);
  if constexpr (HOLD) {
    const u32 row = at + (16 * warp + (lane & 15)) * 128;
#pragma unroll
    for (int i = 0; i < HD / 16; i++)
      ldmatrix(q.held[HOLD ? i : 0], row + (i / 4) * BM * 128 + (((2 * (i & 3) + (lane >> 4)) ^ (lane & 7)) << 4));
  }
}
DEV void ask_sums(float (&o)[HDV / 2], u32 (&a)[BN / 16][4], u32 v, int keep) {
  warpgroup_fence();
#pragma unroll
  for (int i = 0; i < BN / 16; i++) gather(o, a[i], matrix_by_n(v, BN * 128) + 128 * i, keep | i);
  warpgroup_commit();
}

DEV void together() { asm volatile("bar.sync 3, %0;" ::"n"(128 * CONSUMERS) : "memory"); }

DEV void consume(const Args& p, const Rooms& at) {
  const int total = tiles_of(p) * p.heads * p.batch, me = threadIdx.x >> 7, lane = threadIdx.x & 31;
  const bool first = (threadIdx.x & 127) == 0;
  const float scale = factor(p);
  Turn q, k, v;
  if (SHARED) k.stage = v.stage = me;
  int before = 0;  // tiles of keys until now
  if (TURNS && me == 1) turn_pass(0);
  for (int t, round = 0; (t = tile_number(round, p)) < total; round++) {
    const Head x = head_at(t, p);
    const MaskType* mask = mask_of(p, x);
    const int row = x.m0 + 16 * (SHARED ? (threadIdx.x >> 5) & 3 : threadIdx.x >> 5) + (lane >> 2);
    const int from = SHARED ? (me + ACROSS - before % ACROSS) % ACROSS : 0;  // the warpgroup's first tile of keys
    Queries mine;
    float s[BN / 2], o[HDV / 2], top[2] = {NOTHING, NOTHING}, sum[2] = {0.f, 0.f}, old[2];
    u32 a[BN / 16][4];
    barrier_wait(at.q_full + 8 * q.stage, q.phase);
    take_queries(mine, at.q + q.stage * Q_BYTES);
    if (HOLD) { __syncwarp(); if (lane == 0) barrier_arrive(at.q_empty + 8 * q.stage); }
    if (from >= x.count) {
#pragma unroll
      for (int i = 0; i < HDV / 2; i++) o[i] = 0.f;
      if (!HOLD) {  // with no products, which warps begin together, one could else miss a phase of the queries' barrier
        asm volatile("bar.sync %0, 128;" ::"r"(me + 4) : "memory");
        if (first) barrier_arrive(at.q_empty + 8 * q.stage);
      }
    } else {
      barrier_wait(at.k_full + 8 * k.stage, k.phase);
      ask_scores(s, mine, at.k + k.stage * K_BYTES);
      warpgroup_wait<0>();
      settled(s);
      if (!HOLD && first && from + ACROSS >= x.count) barrier_arrive(at.q_empty + 8 * q.stage);
      hide(s, p, mask, row, from * BN, at.biases + 4 * k.stage * BN);
      __syncwarp();
      if (lane == 0) barrier_arrive(at.k_empty + 8 * k.stage);
      k.step<STAGES, ACROSS>();
      soften(s, top, sum, old, scale);
      pack_scores(a, s);
      for (int j = from + ACROSS; j < x.count; j += ACROSS) {
        barrier_wait(at.k_full + 8 * k.stage, k.phase);
        if (TURNS) turn_wait(me);
        ask_scores(s, mine, at.k + k.stage * K_BYTES);
        barrier_wait(at.v_full + 8 * v.stage, v.phase);
        ask_sums(o, a, at.v + v.stage * V_BYTES, j - from - ACROSS);
        if (TURNS) turn_pass(me ^ 1);
        warpgroup_wait<1>();
        settled(s);
        if (!HOLD && first && j + ACROSS >= x.count) barrier_arrive(at.q_empty + 8 * q.stage);
        hide(s, p, mask, row, j * BN, at.biases + 4 * k.stage * BN);
        __syncwarp();
        if (lane == 0) barrier_arrive(at.k_empty + 8 * k.stage);
        k.step<STAGES, ACROSS>();
        soften(s, top, sum, old, scale);
        after(sum[0] + sum[1]);
        warpgroup_wait<0>();
        settled(o);
        if (first) barrier_arrive(at.v_empty + 8 * v.stage);
        v.step<STAGES, ACROSS>();
        rescale(o, old);
        pack_scores(a, s);
      }
      barrier_wait(at.v_full + 8 * v.stage, v.phase);
      ask_sums(o, a, at.v + v.stage * V_BYTES, from + ACROSS < x.count);
      warpgroup_wait<0>();
      settled(o);
      if (first) barrier_arrive(at.v_empty + 8 * v.stage);
      v.step<STAGES, ACROSS>();
    }
    q.step<Q_STAGES>();
    if constexpr (SHARED) {
      before += x.count;
      leave_rows(at.sums, o, top, sum, scale);
      together();
      share_rows(at.sums, p, x);
      together();
    } else write_rows(o, sum, p, x, row);
  }
}

// One past the last key that rows of the warpgroup of `row` read.
DEV int own_end(const Args& p, int row) {
  if (!CAUSAL) return p.t;
  asm volatile("" : "+r"(row));  // to be worked out each time, not remembered
  const int end = (row & ~63) + 64 + p.offset;
  return end < p.t ? end : p.t;
}
DEV void give(u32 bars, int stage) {  // back to the feeder, by each warp
  __syncwarp();
  if ((threadIdx.x & 31) == 0) barrier_arrive(bars + 8 * stage);
}

// As ask_scores, with little to remember from step to step.
DEV void ask_scores_of(float (&s)[BN / 2], u32 q, u32 k) {
  u32 none[4];
  asm volatile("" : "+r"(q));
  warpgroup_fence();
#pragma unroll
  for (int i = 0; i < HD / 16; i++)
    score(s, matrix_by_k<128>(q + (i / 4) * BM * 128) + 2 * (i & 3), none, matrix_by_k<128>(k + (i / 4) * BN * 128) + 2 * (i & 3), i);
  warpgroup_commit();
}

// As consume, for three warpgroups and more, which leave a multiprocessor no room for another block: each passes over tiles
// that none of its own rows reads, and goes on to the next queries while others still work on these.  A warpgroup waits even
// for what it passes over: only so does it give a stage back in the phase that the stage is in.
DEV void consume_apart(const Args& p, const Rooms& at) {
  static_assert(!APART || ((STAGES & (STAGES - 1)) == 0 && (Q_STAGES & (Q_STAGES - 1)) == 0 && !HOLD && !MASK), "stages are counted in bits");
  const int total = tiles_of(p) * p.heads * p.batch, me = __shfl_sync(0xffffffffu, threadIdx.x >> 7, 0);
  const float scale = factor(p);
  u32 n = 0;  // tiles of keys until now
  if (TURNS && me == CONSUMERS - 1) turn_pass(0);
  for (u32 round = 0; tile_number(round, p) < total; round++) {
    float s[BN / 2], o[HDV / 2], top[2] = {NOTHING, NOTHING}, sum[2] = {0.f, 0.f}, old[2];
    u32 a[BN / 16][4], q = at.q + round % Q_STAGES * Q_BYTES + me * 64 * 128;
    Head x = head_at(tile_number(round, p), p);
    const int row = x.m0 + 16 * (threadIdx.x >> 5) + ((threadIdx.x & 31) >> 2);
    barrier_wait(at.q_full + 8 * (round % Q_STAGES), round / Q_STAGES & 1);
    if (own_end(p, row) <= 0) {
#pragma unroll
      for (int i = 0; i < HDV / 2; i++) o[i] = 0.f;
      give(at.q_empty, round % Q_STAGES);
    } else {
      int column = 0;
      barrier_wait(at.k_full + 8 * (n % STAGES), n / STAGES & 1);
      ask_scores_of(s, q, at.k + n % STAGES * K_BYTES);
      warpgroup_wait<0>();
      settled(s);
      if (own_end(p, row) <= BN) give(at.q_empty, round % Q_STAGES);
      hide(s, p, nullptr, row, 0, 0);
      give(at.k_empty, n % STAGES);
      soften(s, top, sum, old, scale);
      pack_scores(a, s);
      for (n++; column + BN < own_end(p, row); n++) {
        barrier_wait(at.k_full + 8 * (n % STAGES), n / STAGES & 1);
        if (TURNS) turn_wait(me);
        ask_scores_of(s, q, at.k + n % STAGES * K_BYTES);
        barrier_wait(at.v_full + 8 * ((n - 1) % STAGES), (n - 1) / STAGES & 1);
        ask_sums(o, a, at.v + (n - 1) % STAGES * V_BYTES, column);
        if (TURNS) turn_pass((me + 1) % CONSUMERS);
        column += BN;
        warpgroup_wait<1>();
        settled(s);
        if (own_end(p, row) <= column + BN) give(at.q_empty, round % Q_STAGES);
        hide(s, p, nullptr, row, column, 0);
        give(at.k_empty, n % STAGES);
        soften(s, top, sum, old, scale);
        after(sum[0] + sum[1]);
        warpgroup_wait<0>();
        settled(o);
        give(at.v_empty, (n - 1) % STAGES);
        rescale(o, old);
        pack_scores(a, s);
      }
      barrier_wait(at.v_full + 8 * ((n - 1) % STAGES), (n - 1) / STAGES & 1);
      ask_sums(o, a, at.v + (n - 1) % STAGES * V_BYTES, column);
      warpgroup_wait<0>();
      settled(o);
      give(at.v_empty, (n - 1) % STAGES);
    }
    asm volatile("" : "+r"(round)::"memory");  // where the tile lies is worked out again: registers would not hold it until here
    x = head_at(tile_number(round, p), p);
    const int end = own_end(p, row);
    for (int passed = end > 0 ? (end + BN - 1) / BN : 0; passed < x.count; passed++, n++) {
      barrier_wait(at.k_full + 8 * (n % STAGES), n / STAGES & 1);
      if (TURNS && passed > 0) { turn_wait(me); turn_pass((me + 1) % CONSUMERS); }
      give(at.k_empty, n % STAGES);
      barrier_wait(at.v_full + 8 * (n % STAGES), n / STAGES & 1);
      give(at.v_empty, n % STAGES);
    }
    write_rows(o, sum, p, x, row);
  }
}

DEV void run(const Args& p, const TensorMap& tq, const TensorMap& tk, const TensorMap& tv) {
  extern __shared__ __align__(1024) u8 shared[];
  __shared__ alignas(8) u64 bars[BARS];
  __shared__ __align__(16) float biases[MASK_ROW ? STAGES * BN : 4];
  const u32 base = (shared_address(shared) + 1023) & ~1023u, bar = shared_address(bars);
  Rooms at;
  at.sums = (float*)(shared + (base - shared_address(shared)) + Q_STAGES * Q_BYTES + STAGES * (K_BYTES + V_BYTES));
  at.q = base; at.k = base + Q_STAGES * Q_BYTES; at.v = at.k + STAGES * K_BYTES; at.biases = shared_address(biases);
  at.q_full = bar; at.q_empty = at.q_full + 8 * Q_STAGES; at.k_full = at.q_empty + 8 * Q_STAGES;
  at.k_empty = at.k_full + 8 * STAGES; at.v_full = at.k_empty + 8 * STAGES; at.v_empty = at.v_full + 8 * STAGES;
  if (threadIdx.x == 0) {
    prefetch_map(tq);
    prefetch_map(tk);
    prefetch_map(tv);
    for (int i = 0; i < Q_STAGES; i++) { barrier_init(at.q_full + 8 * i, 1); barrier_init(at.q_empty + 8 * i, (HOLD || APART ? 4 : 1) * CONSUMERS); }
    for (int i = 0; i < STAGES; i++) {
      barrier_init(at.k_full + 8 * i, 1); barrier_init(at.k_empty + 8 * i, 4 * READERS);
      barrier_init(at.v_full + 8 * i, 1); barrier_init(at.v_empty + 8 * i, APART ? 4 * READERS : READERS);
    }
    barriers_visible();
  }
  __syncthreads();
  if (threadIdx.x >= 128 * CONSUMERS) {
    registers_down<FEEDER_REGISTERS>();
    if (threadIdx.x < 128 * CONSUMERS + 32) feed(p, tq, tk, tv, at);
  } else {
    registers_up<REGISTERS>();
    if constexpr (APART) consume_apart(p, at); else consume(p, at);
  }
}
