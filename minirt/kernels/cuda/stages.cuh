// What products over tiles in shared memory have in common: the order of tiles, the first copies, and the sums of a part of k.
// Follows gather.cuh; the head defines `image(args)` and its arguments p.
struct Corner { int m, n; };

// The first row and column of this block's tile: groups of eight rows of tiles share their B tiles in L2.
template <int ROWS, int COLUMNS> DEV Corner tile_of(int m, int n) {
  const int tiles_n = (n + COLUMNS - 1) / COLUMNS, tiles_m = (m + ROWS - 1) / ROWS;
  const int group = blockIdx.x / (8 * tiles_n), in_group = blockIdx.x - group * 8 * tiles_n;
  const int high = tiles_m - group * 8 < 8 ? tiles_m - group * 8 : 8;
  return {(group * 8 + in_group % high) * ROWS, in_group / high * COLUMNS};
}

// Fills all but one of a ring of COUNT stages from `base` on, each of A_BYTES of a and the rest of b.
template <int COUNT, int BYTES, int A_BYTES, class A, class B, class P>
DEV void fill(A& a, B& b, u32 base, int steps, const P& p) {
#pragma unroll
  for (int s = 0; s < COUNT - 1; s++) {
    if (s < steps) {
      a.fetch(base + s * BYTES, image(p));
      b.fetch(base + s * BYTES + A_BYTES, image(p));
      a.settle(base + s * BYTES);
      b.settle(base + s * BYTES + A_BYTES);
    }
    copy_commit();
  }
}

// V sums of a part of k, of row m, for `split_sum`.
template <int V, class P> DEV void store_part(const P& p, float (&v)[V], int m, int n, int valid) {
  float* to = p.partial + (((i64)blockIdx.y * gridDim.z + blockIdx.z) * p.m + m) * p.n + n;
  if ((p.n & 3) == 0 && (V == 4 || valid >= V)) store_fast<V>(to, v); else store_slow<float, V, float>(to, v, 1, valid);
}
