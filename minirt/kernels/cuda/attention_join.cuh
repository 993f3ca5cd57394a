// Joins what attention_mma.cuh left of each part of the keys: a warp a row.
DEV float exp2_fast(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

DEV void run(const Args& p) {
  const int lane = threadIdx.x & 31;
  const i64 rows = (i64)p.batch * p.heads * p.s, row = (i64)blockIdx.x * (BM / 32) + (threadIdx.x >> 5);
  if (row >= rows) return;
  const float nothing = __int_as_float(0xff800000);
  float high = nothing, total = 0.f, o[(HDV + 31) / 32] = {};
  for (int i = 0; i < p.parts; i++) high = fmaxf(high, p.stats[2 * (i * rows + row)]);
  const float base = high == nothing ? 0.f : high;
  for (int i = 0; i < p.parts; i++) {
    const i64 at = i * rows + row;
    const float by = exp2_fast(p.stats[2 * at] - base);
    total += by * p.stats[2 * at + 1];
#pragma unroll
    for (int n = 0; n < HDV; n += 32) if (n + lane < p.dv) o[n / 32] += by * p.partial[at * p.dv + n + lane];
  }
  const int m = row % p.s, h = row / p.s % p.heads, b = row / p.s / p.heads;
  const bool none = (GUARD && !(total > 0.f)) || (EMPTY && total == 0.f);
  In* to = (In*)p.o + b * p.o_b + h * p.o_h + m * p.o_s;
#pragma unroll
  for (int n = 0; n < HDV; n += 32)
    if (n + lane < p.dv) to[(n + lane) * p.o_d] = Narrow<In>::of(none ? 0.f : o[n / 32] / total);
}
