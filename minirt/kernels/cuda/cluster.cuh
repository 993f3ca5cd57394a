// Combining over the blocks of a cluster (sm_90 and later), which read each other's shared memory.  Comes before groups.cuh.
#define MINIRT_CLUSTER
DEV int cluster_rank() { u32 r; asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r)); return (int)r; }
DEV void cluster_arrive() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
DEV void cluster_wait() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
template <class T> DEV const T* of_block(const T* at, int rank) {
  u64 x;
  asm volatile("mapa.u64 %0, %1, %2;" : "=l"(x) : "l"((u64)at), "r"(rank) : "memory");
  return (const T*)x;
}

// N numbers of each of K blocks, each left by the thread that takes it here.  Memory that others read is written once: each call of a kernel has its own ID, and no
// block may end before all have read.
template <int K, int ID, int N, class T, class F> DEV void across_cluster(T (&totals)[N], F f) {
  if constexpr (K > 1) {
    __shared__ T mine[N];
    for (int i = threadIdx.x; i < N; i += blockDim.x) mine[i] = totals[i];
    cluster_arrive();
    cluster_wait();
    for (int i = threadIdx.x; i < N; i += blockDim.x) {
      T all = *of_block(mine + i, 0);
#pragma unroll
      for (int rank = 1; rank < K; rank++) all = f(all, *of_block(mine + i, rank));
      totals[i] = all;
    }
  }
  __syncthreads();
}

// One number of every thread, which is the same in all threads of a block.
template <int K, int ID, class T, class F> DEV T combine_cluster(T x, F f) {
  if constexpr (K > 1) {
    __shared__ T mine;
    if (threadIdx.x == 0) mine = x;
    cluster_arrive();
    cluster_wait();
    x = *of_block(&mine, 0);
#pragma unroll
    for (int rank = 1; rank < K; rank++) x = f(x, *of_block(&mine, rank));
  }
  return x;
}
