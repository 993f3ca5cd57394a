// What several warps of a block, or blocks of a cluster, made of the same queries and different keys becomes one result.
// With GROUPS, ACROSS warpgroups instead, each of which has 64 rows.
// Shared memory holds, as numbers, sums of each of ACROSS warps that share 16 rows [ACROSS][BM][ROOM], then the greatest
// scores (for exponents of base 2) and sums of exponentials [ACROSS][BM][2]; with a cluster, the same once more, joined.
constexpr int ROOM = HDV + 8;  // rows 8 or 24 banks apart
constexpr int JOINED = ACROSS * BM * (ROOM + 2);

struct Rows8 { float v[8], top, sum; };  // eight numbers of a row
DEV void add_rows8(Rows8& x, const float* o, const float2 stats, float base) {
  const float by = exp2_fast(stats.x - base);
  const float4 a = *(const float4*)o, b = *(const float4*)(o + 4);
  x.sum += by * stats.y;
  x.v[0] += by * a.x; x.v[1] += by * a.y; x.v[2] += by * a.z; x.v[3] += by * a.w;
  x.v[4] += by * b.x; x.v[5] += by * b.y; x.v[6] += by * b.z; x.v[7] += by * b.w;
}

// The warp's 16 rows into shared memory.
template <int N> DEV void leave_rows(float* shared, const float (&o)[N], const float (&top)[2], const float (&sum)[2], float scale) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int part = GROUPS ? warp >> 2 : warp % ACROSS, first = 16 * (GROUPS ? warp & 3 : warp / ACROSS);
#pragma unroll
  for (int h = 0; h < 2; h++) {
    float total = sum[h];
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    const int at = part * BM + first + (lane >> 2) + 8 * h;
    float* to = shared + at * ROOM;
#pragma unroll
    for (int i = 0; i < N / 4; i += PAIRED ? 2 : 1) {
      const float* x = o + 4 * i + 2 * h;
      if (PAIRED) *(float4*)(to + sum_column(i, 0)) = make_float4(x[0], x[PAIRED ? 4 : 0], x[1], x[PAIRED ? 5 : 1]);
      else *(float2*)(to + sum_column(i, 0)) = make_float2(x[0], x[1]);
    }
    if ((lane & 3) == 0) ((float2*)(shared + ACROSS * BM * ROOM))[at] = make_float2(top[h] == NOTHING ? NOTHING : top[h] * scale, total);
  }
}

DEV void write_rows8(const Rows8& y, const Args& p, const Head& x, int row, int n) {
  const bool none = (GUARD && !(y.sum > 0.f)) || (EMPTY && y.sum == 0.f);
  const float by = 1.f / y.sum;
  float v[8];
#pragma unroll
  for (int i = 0; i < 8; i++) v[i] = none ? 0.f : y.v[i] * by;
  In* to = (In*)p.o + x.b * p.o_b + x.h * p.o_h + (x.m0 + row) * p.o_s;
  if constexpr (FAST_OUT) {
    if (PAIRED && n + 4 == p.dv) *(float4*)(to + n) = make_float4(v[0], v[1], v[2], v[3]);
    else if (n < p.dv) store_fast<8>(to + n, v);
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++) if (n + i < p.dv) to[(n + i) * p.o_d] = Narrow<In>::of(v[i]);
  }
}

template <class A> DEV void share_rows(float* shared, const A& p, const Head& x) {
  const int valid = p.s - x.m0 < BM ? p.s - x.m0 : BM;
  const float2* stats = (const float2*)(shared + ACROSS * BM * ROOM);
  float* joined = shared + JOINED;
  for (int u = threadIdx.x; u < valid * (HDV / 8); u += NT) {
    const int row = u / (HDV / 8), n = 8 * (u % (HDV / 8));
    Rows8 y = {};
    y.top = NOTHING;
#pragma unroll
    for (int i = 0; i < ACROSS; i++) y.top = fmaxf(y.top, stats[i * BM + row].x);
    const float base = y.top == NOTHING ? 0.f : y.top;
#pragma unroll
    for (int i = 0; i < ACROSS; i++) add_rows8(y, shared + (i * BM + row) * ROOM + n, stats[i * BM + row], base);
    if constexpr (SPLIT) {
      const i64 at = (((i64)blockIdx.y * p.batch + x.b) * p.heads + x.h) * p.s + x.m0 + row;
      if (n == 0) { p.stats[2 * at] = y.top; p.stats[2 * at + 1] = y.sum; }
#pragma unroll
      for (int i = 0; i < 8; i++) if (n + i < p.dv) p.partial[at * p.dv + n + i] = y.v[i];
    } else if constexpr (CLUSTER > 1) {
      *(float4*)(joined + row * ROOM + n) = make_float4(y.v[0], y.v[1], y.v[2], y.v[3]);
      *(float4*)(joined + row * ROOM + n + 4) = make_float4(y.v[4], y.v[5], y.v[6], y.v[7]);
      if (n == 0) ((float2*)(joined + BM * ROOM))[row] = make_float2(y.top, y.sum);
    } else {
      write_rows8(y, p, x, row, n);
    }
  }
#ifdef MINIRT_CLUSTER
  cluster_arrive();
  cluster_wait();
  for (int u = threadIdx.x * CLUSTER + cluster_rank(); u < valid * (HDV / 8); u += NT * CLUSTER) {
    const int row = u / (HDV / 8), n = 8 * (u % (HDV / 8));
    Rows8 y = {};
    float2 found[CLUSTER];
    y.top = NOTHING;
#pragma unroll
    for (int i = 0; i < CLUSTER; i++) {
      found[i] = *of_block((const float2*)(joined + BM * ROOM) + row, i);
      y.top = fmaxf(y.top, found[i].x);
    }
    const float base = y.top == NOTHING ? 0.f : y.top;
#pragma unroll
    for (int i = 0; i < CLUSTER; i++) add_rows8(y, of_block((const float*)joined + row * ROOM + n, i), found[i], base);
    write_rows8(y, p, x, row, n);
  }
  cluster_arrive();
  cluster_wait();
#endif
}
