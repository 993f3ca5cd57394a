// The second step of split-K: adds the partial sums in a fixed order, then applies the epilogue.
// The head defines: struct Args (partial, c, m, n, nb0, nb1, parts), `finish<V>(...)`. One thread per four columns.
DEV void run(const Args& p) {
  const u32 per_row = (p.n + 3) / 4, rows = (u32)p.nb0 * p.nb1 * p.m, i = blockIdx.x * 256u + threadIdx.x, row = i / per_row;
  if (row >= rows) return;
  const int n = (int)(i - row * per_row) * 4, b = row / p.m, m = row - b * p.m, valid = p.n - n;
  const float* from = p.partial + (i64)row * p.n + n;
  float v[4] = {0.f, 0.f, 0.f, 0.f};
  for (int part = 0; part < p.parts; part++, from += (i64)rows * p.n) {
    float x[4];
    if ((p.n & 3) == 0) load_fast<4>(x, from); else load_slow<float, 4, float>(x, from, 1, valid);
#pragma unroll
    for (int j = 0; j < 4; j++) v[j] += x[j];
  }
  finish<4>(v, p, b / p.nb1, b % p.nb1, m, n, valid);
}
