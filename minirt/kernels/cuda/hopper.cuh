// sm_90a: barriers in shared memory, bulk tensor copies, warpgroup matrix products.
struct alignas(64) TensorMap { u64 opaque[16]; };  // 128 bytes, what cuTensorMapEncode* makes

// One lane of the warp, all of whose lanes ask: the compiler knows that it is one, and that what it works with is the warp's.
DEV bool elected() { u32 x; asm volatile("{\n.reg .pred P;\nelect.sync _|P, 0xffffffff;\nselp.u32 %0, 1, 0, P;\n}" : "=r"(x)); return x; }
DEV void barrier_init(u32 bar, u32 count) { asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(bar), "r"(count) : "memory"); }
DEV void barrier_expect(u32 bar, u32 bytes) { asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes) : "memory"); }
DEV void barrier_arrive(u32 bar) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(bar) : "memory"); }
DEV void barrier_wait(u32 bar, u32 phase) {
  asm volatile("{\n.reg .pred P;\nW: mbarrier.try_wait.parity.shared::cta.b64 P, [%0], %1;\n@P bra D;\nbra W;\nD:\n}" ::"r"(bar), "r"(phase) : "memory");
}
DEV void barriers_visible() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
DEV void prefetch_map(const TensorMap& map) { asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory"); }
DEV void copy_tile3(u32 to, const TensorMap& map, u32 bar, int x, int y, int z) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3,%4,%5}], [%2];"
    ::"r"(to), "l"(&map), "r"(bar), "r"(x), "r"(y), "r"(z) : "memory");
}
DEV void copy_tile4(u32 to, const TensorMap& map, u32 bar, int x, int y, int z, int t) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3,%4,%5,%6}], [%2];"
    ::"r"(to), "l"(&map), "r"(bar), "r"(x), "r"(y), "r"(z), "r"(t) : "memory");
}
// BM pixels from (n, h, w) on, under the tap (tap_h, tap_w), channels from c on
DEV void copy_pixels(u32 to, const TensorMap& map, u32 bar, int c, int w, int h, int n, u16 tap_w, u16 tap_h) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], [%1, {%3,%4,%5,%6}], [%2], {%7,%8};"
    ::"r"(to), "l"(&map), "r"(bar), "r"(c), "r"(w), "r"(h), "r"(n), "h"(tap_w), "h"(tap_h) : "memory");
}
DEV void warpgroup_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEV void warpgroup_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> DEV void warpgroup_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }
// A shared-memory operand: rows along k of WIDTH (64 or 128) bytes, swizzled over that width; +32 bytes is the next k step.
template <int WIDTH> DEV u64 matrix_by_k(u32 at) {
  return (u64)((at & 0x3FFFF) >> 4) | (1ull << 16) | ((u64)(WIDTH * 8 / 16) << 32) | ((WIDTH == 128 ? 1ull : 2ull) << 62);
}
// Rows along n of 64 halves (128 bytes, swizzled), one row a k; the next 64 columns lie `next` bytes on.
DEV u64 matrix_by_n(u32 at, u32 next) {
  return (u64)((at & 0x3FFFF) >> 4) | ((u64)(next >> 4) << 16) | (64ull << 32) | (1ull << 62);
}
// Blocks of a cluster read each other's shared memory, between two barriers that all their threads pass.
DEV u32 cluster_rank() { u32 r; asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r)); return r; }
DEV void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}
// After barriers_visible: all blocks have begun and see each other's barriers. Its halves, for work between them that is
// the block's own: each thread passes both, once.
DEV void cluster_begin() { asm volatile("barrier.cluster.arrive.relaxed.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory"); }
DEV void cluster_arrive() { asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory"); }
DEV void cluster_wait() { asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); }
DEV u32 cluster_address(u32 at, int rank) { u32 x; asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(x) : "r"(at), "r"(rank)); return x; }
DEV void add_from_cluster(float* x, u32 at) {
  float a, b, c, d;
  asm volatile("ld.shared::cluster.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(a), "=f"(b), "=f"(c), "=f"(d) : "r"(at) : "memory");
  x[0] += a; x[1] += b; x[2] += c; x[3] += d;
}
// Copies into all blocks of a cluster that the mask names, at one place in each, each told by its own barrier there.
DEV void share_tile3(u32 to, const TensorMap& map, u32 bar, int x, int y, int z, u16 mask) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%3,%4,%5}], [%2], %6;"
    ::"r"(to), "l"(&map), "r"(bar), "r"(x), "r"(y), "r"(z), "h"(mask) : "memory");
}
DEV void share_tile4(u32 to, const TensorMap& map, u32 bar, int x, int y, int z, int t, u16 mask) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%3,%4,%5,%6}], [%2], %7;"
    ::"r"(to), "l"(&map), "r"(bar), "r"(x), "r"(y), "r"(z), "r"(t), "h"(mask) : "memory");
}
DEV void share_pixels(u32 to, const TensorMap& map, u32 bar, int c, int w, int h, int n, u16 tap_w, u16 tap_h, u16 mask) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%3,%4,%5,%6}], [%2], {%7,%8}, %9;"
    ::"r"(to), "l"(&map), "r"(bar), "r"(c), "r"(w), "r"(h), "r"(n), "h"(tap_w), "h"(tap_h), "h"(mask) : "memory");
}
// Arrives at a barrier of any block of the cluster, once matrix instructions have read what a copy is to replace. Of cluster
// scope it would first wait for all that the thread has stored, in every step; the copy engine asks for no more than this.
DEV void release(u32 bar) { asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(bar) : "memory"); }
// 16 bytes into shared memory of a block of the cluster, whose barrier counts them.
DEV void send(u32 to, u32 bar, const float* v) {
  asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%2,%3,%4,%5}, [%1];"
    ::"r"(to), "r"(bar), "f"(v[0]), "f"(v[1]), "f"(v[2]), "f"(v[3]) : "memory");
}
DEV void receive(float* v, u32 at) {
  asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(v[0]), "=f"(v[1]), "=f"(v[2]), "=f"(v[3]) : "r"(at) : "memory");
}
template <int N> DEV void shrink() { if constexpr (N > 0) asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)); }
template <int N> DEV void grow() { if constexpr (N > 0) asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)); }
