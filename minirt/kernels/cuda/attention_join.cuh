// Joins what attention_mma.cuh left of each part of the keys: a warp a row.
DEV float exp2_fast(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

DEV void run(const Args& p) {
  const int lane = threadIdx.x & 31;
  const i64 rows = (i64)p.batch * p.heads * p.s, row = (i64)blockIdx.x * (BM / 32) + (threadIdx.x >> 5);
  if (row >= rows) return;
  const float nothing = __int_as_float(0xff800000);
  float high = nothing, total = 0.f, o[(HDV + 31) / 32] = {};
  for (int i = lane; i < p.parts; i += 32) high = fmaxf(high, p.stats[2 * (i * rows + row)]);
#pragma unroll
  for (int i = 16; i > 0; i /= 2) high = fmaxf(high, __shfl_xor_sync(0xffffffffu, high, i));
  const float base = high == nothing ? 0.f : high;
  for (int from = 0; from < p.parts; from += 32) {  // a lane a part, so that one load's time is waited for, not one for each
    const int count = p.parts - from < 32 ? p.parts - from : 32;
    float by = 0.f, sum = 0.f;
    if (lane < count) {
      const i64 at = (from + lane) * rows + row;
      by = exp2_fast(p.stats[2 * at] - base);
      sum = by * p.stats[2 * at + 1];
    }
#pragma unroll
    for (int i = 16; i > 0; i /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, i);
    total += sum;
#pragma unroll 8
    for (int i = 0; i < count; i++) {
      const float* part = p.partial + ((from + i) * rows + row) * p.dv;
      const float scale = __shfl_sync(0xffffffffu, by, i);
#pragma unroll
      for (int n = 0; n < HDV; n += 32) if (n + lane < p.dv) o[n / 32] += scale * part[n + lane];
    }
  }
  const int m = row % p.s, h = row / p.s % p.heads, b = row / p.s / p.heads;
  const bool none = (GUARD && !(total > 0.f)) || (EMPTY && total == 0.f);
  In* to = (In*)p.o + b * p.o_b + h * p.o_h + m * p.o_s;
#pragma unroll
  for (int n = 0; n < HDV; n += 32)
    if (n + lane < p.dv) to[(n + lane) * p.o_d] = Narrow<In>::of(none ? 0.f : o[n / 32] / total);
}
