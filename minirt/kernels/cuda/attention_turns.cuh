// What both attention kernels on wgmma share: registers of warpgroups, stages, the tiles of a block, copies of heads.
template <int N> DEV void registers_down() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)); }
template <int N> DEV void registers_up() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)); }
// Numbers that are computed by now: what makes them stays ahead of what follows, and what uses them behind.
template <int N> DEV void settled(float (&x)[N]) {
#pragma unroll
  for (int i = 0; i < N; i++) { asm volatile("" : "+f"(x[i])::"memory"); }
}

struct Turn {  // which of N stages, and the phase of its barriers
  int stage = 0;
  u32 phase = 0;
  template <int N, int EACH = 1> DEV void step() { if ((stage += EACH) >= N) { stage -= N; phase ^= 1; } }
};

// The block's tile number `round`.  Under causality back and forth, and once more where the tiles' lengths turn from falling to
// growing or back (head_at): two rounds that follow each other give each block about as much to do.
DEV int tile_number(int round, const Args& p) {
  const int before = round * (int)gridDim.x, block = blockIdx.x;
  const bool back = CAUSAL && ACROSS == 1 && ((round + before / (p.group * tiles_of(p))) & 1) != 0;
  return before + (back ? (int)gridDim.x - 1 - block : block);
}

// A tile of ROWS rows in blocks of 64 columns.
template <int ROWS, int WIDTH> DEV void copy_head(u32 to, const TensorMap& map, u32 bar, int row, int h, int b) {
#pragma unroll
  for (int c = 0; c < WIDTH / 64; c++) copy_tile4(to + c * ROWS * 128, map, bar, 64 * c, row, h, b);
}
