// What both attention kernels share: which scores count, the running softmax, rows of the result.
// The head defines: In, BM BN (rows of queries and keys a tile), HD HDV (head sizes, padded), CAUSAL, MASK (0 none, 1 bool, 2
// numbers), MaskType, MASK_ROW (the mask is the same for every query), GUARD, EMPTY, FAST_OUT, struct Args.
// A score tile holds, per lane l of a warp's 16 rows: element e is row (l >> 2) + 8 * ((e >> 1) & 1), column 8 * (e >> 2) +
// 2 * (l & 3) + (e & 1), as mma.sync and wgmma both lay their sums.  So does a tile of sums of values, but that floats of 32
// bits have four neighbouring columns in two of its blocks.
constexpr bool PAIRED = sizeof(In) == 4;
DEV int sum_column(int block, int e) {
  const int quad = threadIdx.x & 3;
  return PAIRED ? 16 * (block >> 1) + 4 * quad + 2 * e + (block & 1) : 8 * block + 2 * quad + e;
}
constexpr float LOG2E = 1.4426950408889634f;
#define NOTHING __int_as_float(0xff800000)
// Scores are compared as they come where no mask is added, else scaled; exponents are of base 2.
DEV float factor(const Args& p) { return MASK ? 1.f : p.scale; }
DEV float exp2_fast(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

// A mask's element as what it adds to a scaled score; of a boolean mask, what it replaces the score by, or 0.
DEV float mask_bias(const MaskType* at, const Args& p) {
  const float x = (float)widen(*at);
  if (MASK == 1) return x != 0.f ? 0.f : p.hidden < -3.2e38f ? NOTHING : p.hidden;
  return x < -2e38f ? (x == NOTHING ? NOTHING : -3e38f) : x * LOG2E;
}
DEV float biased(float score, float bias, float scale) {
  return MASK == 1 ? (bias == 0.f ? score * scale : bias) : fmaf(score, scale, bias);
}

struct Head { int b, h, m0, count; };  // one tile of queries, and how many tiles of keys it reads
DEV int tiles_of(const Args& p) { return (p.s + BM - 1) / BM; }
DEV Head head_at(int t, const Args& p) {
  Head x;
  const int tiles = tiles_of(p);
  int pair = t / tiles, tile = t - pair * tiles;
  if (CAUSAL) {  // among as many heads as the second-level cache holds keys and values of; those that read least end it all
    const int group = t / (p.group * tiles), inside = t - group * p.group * tiles, left = p.heads * p.batch - group * p.group;
    const int width = left < p.group ? left : p.group;
    tile = inside / width;
    pair = group * p.group + inside - tile * width;
    // Every other group goes from short rows of tiles to long ones, so that lengths do not jump from group to group: blocks
    // that take tiles in turn would get two long ones where others get two short.
    if (((p.groups - group) & 1) != 0) tile = tiles - 1 - tile;
  }
  x.b = pair / p.heads; x.h = pair - x.b * p.heads;
  x.m0 = tile * BM;
  int end = p.t;
  if (CAUSAL) { const int last = x.m0 + BM + p.offset; end = last < end ? last : end; }
  x.count = end > 0 ? (end + BN - 1) / BN : 0;
  return x;
}
DEV const MaskType* mask_of(const Args& p, const Head& x) { return (const MaskType*)p.mask + x.b * p.m_b + x.h * p.m_h; }
DEV float column_bias(const Args& p, const MaskType* mask, int column) {
  return column < p.t ? mask_bias(mask + column * p.m_t, p) : NOTHING;
}

// Hides keys that do not count, from element FROM on; `row` and `column` are those of the lane's element 0.
template <int FROM, int N> DEV void cut(float (&s)[N], const Args& p, int row, int column) {
#pragma unroll
  for (int h = 0; h < 2; h++) {
    int last = p.t - 1;  // key that counts
    if (CAUSAL && row + 8 * h + p.offset < last) last = row + 8 * h + p.offset;
    last -= column;
#pragma unroll
    for (int e = FROM + 2 * h; e < N; e += 4)
#pragma unroll
      for (int j = 0; j < 2; j++) if (8 * (e >> 2) + j > last) s[e + j] = NOTHING;
  }
}
// Adds the mask and hides keys that do not count; `row` and `column` are those of the lane's element 0, `biases` is the
// shared-memory row of the tile's biases.
template <int N> DEV void hide(float (&s)[N], const Args& p, const MaskType* mask, int row, int first, u32 biases) {
  const int lane = threadIdx.x & 31, column = first + 2 * (lane & 3);
  const float scale = p.scale;
  if constexpr (MASK != 0 && MASK_ROW) {
#pragma unroll
    for (int i = 0; i < N / 4; i++) {
      float a, b;
      asm volatile("ld.shared.v2.f32 {%0,%1}, [%2];" : "=f"(a), "=f"(b) : "r"(biases + 4 * (column - first) + 32 * i) : "memory");
#pragma unroll
      for (int h = 0; h < 2; h++) {
        s[4 * i + 2 * h] = biased(s[4 * i + 2 * h], a, scale);
        s[4 * i + 2 * h + 1] = biased(s[4 * i + 2 * h + 1], b, scale);
      }
    }
  } else if constexpr (MASK != 0) {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      const MaskType* from = mask + (row + 8 * h) * p.m_s;
#pragma unroll
      for (int e = 0; e < N / 2; e++) {
        const int k = 8 * (e >> 1) + (e & 1), at = 4 * (e >> 1) + 2 * h + (e & 1);
        const bool inside = row + 8 * h < p.s && column + k < p.t;
        s[at] = biased(s[at], inside ? mask_bias(from + (column + k) * p.m_t, p) : 0.f, scale);
      }
    }
  }
  const int lowest = row - (lane >> 2);  // of the warp
  if (first + 2 * N <= p.t && (!CAUSAL || first + 2 * N - 1 <= lowest + p.offset)) return;
  if (!CAUSAL && first + 2 * N - 16 <= p.t) cut<N - 8>(s, p, row, column); else cut<0>(s, p, row, column);
}

// 2^x for x <= 0 on the units that multiply, which have time to spare beside those that raise: x = n + f, |f| <= 1/2,
// 2^f by a polynomial of relative error 8e-5, n into the exponent; 2^-126 for all below.
DEV float exp2_multiplied(float x) {
  x = fmaxf(x, -126.f);
  const float shifted = x + 12582912.f, f = x - (shifted - 12582912.f);
  float y = fmaf(f, 0.05516989f, 0.242607f);
  y = fmaf(y, f, 0.69326091f);
  y = fmaf(y, f, 0.99992834f);
  return __int_as_float(__float_as_int(y) + (__float_as_int(shifted) << 23));
}

// Scores become exponentials over the running greatest one; `old` is what sums made so far must be multiplied by.
template <int N> DEV void soften(float (&s)[N], float (&top)[2], float (&sum)[2], float (&old)[2], float scale) {
#pragma unroll
  for (int h = 0; h < 2; h++) {
    float high = top[h];
#pragma unroll
    for (int i = 0; i < N / 4; i++) high = fmaxf(high, fmaxf(s[4 * i + 2 * h], s[4 * i + 2 * h + 1]));
    high = fmaxf(high, __shfl_xor_sync(0xffffffffu, high, 1));
    high = fmaxf(high, __shfl_xor_sync(0xffffffffu, high, 2));
    const float base = high == NOTHING ? 0.f : high * scale;
    old[h] = exp2_fast(fmaf(top[h], scale, -base));
    top[h] = high;
    float total = 0.f;
#pragma unroll
    for (int i = 0; i < N / 4; i++)
#pragma unroll
      for (int j = 0; j < 2; j++) {
        float& x = s[4 * i + 2 * h + j];
        x = fmaf(x, scale, -base);
        x = SOFT && i % 4 == 3 ? exp2_multiplied(x) : exp2_fast(x);
        total += x;
      }
    sum[h] = sum[h] * old[h] + total;
  }
}
template <int N> DEV void rescale(float (&o)[N], const float (&old)[2]) {
  if (LAZY && !__any_sync(0xffffffffu, old[0] != 1.f || old[1] != 1.f)) return;
#pragma unroll
  for (int e = 0; e < N; e++) o[e] *= old[(e >> 1) & 1];
}
// Exponentials as the left operand of the second product: 16 keys a fragment.
template <int N> DEV void pack_scores(u32 (&a)[N / 8][4], const float (&s)[N]) {
#pragma unroll
  for (int i = 0; i < N / 8; i++)
#pragma unroll
    for (int q = 0; q < 4; q++) a[i][q] = pack2(In{}, s[8 * i + 2 * q], s[8 * i + 2 * q + 1]);
}

// Eight numbers as one store, which the compiler would split in four where they come from several registers' selects.
template <class T> DEV void store16(T* to, const float (&v)[8]) {
  u32 w[4];
#pragma unroll
  for (int j = 0; j < 4; j++) w[j] = pack2(T{}, v[2 * j], v[2 * j + 1]);
  asm volatile("st.global.v4.b32 [%0], {%1,%2,%3,%4};" ::"l"(to), "r"(w[0]), "r"(w[1]), "r"(w[2]), "r"(w[3]) : "memory");
}

// 16 rows of the result: sums over the sum of exponentials.
template <int N> DEV void write_rows(float (&o)[N], const float (&sum)[2], const Args& p, const Head& x, int row) {
  const int lane = threadIdx.x & 31;
  In* to = (In*)p.o + x.b * p.o_b + x.h * p.o_h;
#pragma unroll
  for (int h = 0; h < 2; h++) {
    float total = sum[h];
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    const bool none = (GUARD && !(total > 0.f)) || (EMPTY && total == 0.f);
    const float by = 1.f / total;
#pragma unroll
    for (int i = 0; i < N / 4; i++)
#pragma unroll
      for (int j = 0; j < 2; j++) { float& y = o[4 * i + 2 * h + j]; y = none ? 0.f : y * by; }
    const int m = row + 8 * h;
    if constexpr (FAST_OUT && PAIRED) {
#pragma unroll
      for (int g = 0; g < N / 8; g++) {
        const float v[4] = {o[8 * g + 2 * h], o[8 * g + 4 + 2 * h], o[8 * g + 2 * h + 1], o[8 * g + 5 + 2 * h]};
        const int n = sum_column(2 * g, 0);
        if (m < p.s && n < p.dv) store_fast<4>(to + m * p.o_s + n, v);
      }
    } else if constexpr (FAST_OUT && N % 16 == 0) {
#pragma unroll
      for (int g = 0; g < N / 16; g++) {
        float v[8];
#pragma unroll
        for (int q = 0; q < 8; q++) v[q] = o[16 * g + 4 * (q / 2) + 2 * h + (q & 1)];
        quad_transpose(v);
        const int n = 32 * g + 8 * (lane & 3);
        if (m < p.s && n < p.dv) store16(to + m * p.o_s + n, v);
      }
    } else {
#pragma unroll
      for (int e = 0; e < N / 2; e++) {
        const int n = sum_column(e >> 1, e & 1);
        if (m < p.s && n < p.dv) to[m * p.o_s + n * p.o_d] = Narrow<In>::of(o[4 * (e >> 1) + 2 * h + (e & 1)]);
      }
    }
  }
}
