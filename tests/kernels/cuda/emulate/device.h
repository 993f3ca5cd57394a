// What the text of a translated kernel calls: CUDA's built-in names, and one function for each PTX instruction.
// Every thread of a block is a fiber of one host thread; see machine.h.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#define __device__
#define __global__
#define __grid_constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __align__(n) alignas(n)

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace emu {
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
struct Dim3 { unsigned x, y, z; };
struct Place { Dim3 thread, block; };  // of a fiber
extern Place* self;
extern Dim3 block_dim, grid_dim;
enum class Kind : int { f16, bf16, tf32 };

// ---- shared memory: a window of addresses of 32 bits, in whose upper byte a block of the cluster is named ----
constexpr u32 FIRST = 0x400;  // address that a block has
struct Slot { u32 at = 0; };  // where a static variable lies, alike in all blocks
static u32 statics = FIRST;   // of this kernel
void* shared_static(Slot& slot, u32& used, u32 bytes, u32 align);
void* shared_dynamic();
u32 shared_address(const void* p);
u64 map_address(u64 generic, int rank);
u32 map_shared(u32 at, int rank);
void* shared_at(u32 at, int bytes);   // of this block
void* cluster_at(u32 at, int bytes);  // of any
u32 cluster_rank();

// ---- barriers ----
void block_barrier();
void warp_barrier(u32 mask);
void bar_sync(int id, int threads);
void bar_arrive(int id, int threads);
void cluster_arrive(bool aligned);
void cluster_wait(bool aligned);
void mbarrier_init(u32 bar, u32 count);
void mbarrier_expect(u32 bar, u32 bytes);
void mbarrier_arrive(u32 bar);
void mbarrier_arrive_remote(u32 bar);
bool mbarrier_wait(u32 bar, u32 parity);  // returns true: a try that takes as long as it needs
[[noreturn]] void trap();
void aligned(const char* what);  // an instruction that all lanes of a warp must meet in

// ---- copies ----
void copy_async(u32 to, const void* from, int bytes, int valid);
void copy_commit();
void copy_wait(int left);
void copy_tile(u32 to, const void* map, u32 bar, int rank, const int* at, u32 mask);
void copy_pixels(u32 to, const void* map, u32 bar, const int* at, const u16* offsets, u32 mask);
void send(u32 to, u32 bar, const float* v);

// ---- products ----
void ldmatrix(u32* r0, u32* r1, u32* r2, u32* r3, u32 at, bool transposed);
void mma(Kind kind, float* d, const u32* a, u32 b0, u32 b1);
void wgmma_fence();
void wgmma_commit();
void wgmma_wait(int left);
void wgmma(Kind kind, int n, float* d, const u32* a, u64 a_matrix, u64 b_matrix, bool keep, bool b_by_k);

// ---- lanes ----
enum class Lane { indexed, up, down, exclusive };
u32 shuffle(u32 mask, u32 x, int lane, Lane how);
u32 ballot(u32 mask, bool x);

// ---- numbers ----
u16 to_f16(float x);
u16 to_bf16(float x);
float of_f16(u16 x);
u32 to_tf32(float x);

template <class To, class From> inline To bits(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To y;
  memcpy(&y, &x, sizeof y);
  return y;
}
template <class T> inline T load(const void* p) { T x; memcpy(&x, p, sizeof x); return x; }
template <class T> inline void store(void* p, T x) { memcpy(p, &x, sizeof x); }
inline float flush(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0.f, x) : x; }
template <class T> inline T shuffled(u32 mask, T x, int lane, Lane how) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  if constexpr (sizeof(T) == 4) return bits<T>(shuffle(mask, bits<u32>(x), lane, how));
  else {
    const u64 w = bits<u64>(x), lo = shuffle(mask, (u32)w, lane, how), hi = shuffle(mask, (u32)(w >> 32), lane, how);
    return bits<T>(hi << 32 | lo);
  }
}
template <class... A> struct Call {  // a kernel with its arguments
  template <size_t... I> static void go(void (*f)(A...), void** args, std::integer_sequence<size_t, I...>);
};
}  // namespace emu

#define threadIdx (emu::self->thread)
#define blockIdx (emu::self->block)
#define blockDim (emu::block_dim)
#define gridDim (emu::grid_dim)
#define __syncthreads() emu::block_barrier()
inline void __syncwarp(unsigned mask = 0xffffffffu) { emu::warp_barrier(mask); }
#define __shfl_sync(mask, x, lane) emu::shuffled(mask, x, lane, emu::Lane::indexed)
#define __shfl_xor_sync(mask, x, lanes) emu::shuffled(mask, x, lanes, emu::Lane::exclusive)
#define __shfl_up_sync(mask, x, lanes) emu::shuffled(mask, x, lanes, emu::Lane::up)
#define __shfl_down_sync(mask, x, lanes) emu::shuffled(mask, x, lanes, emu::Lane::down)
#define __ballot_sync(mask, x) emu::ballot(mask, (bool)(x))
#define __any_sync(mask, x) (emu::ballot(mask, (bool)(x)) != 0)
#define __all_sync(mask, x) (emu::ballot(mask, !(x)) == 0)
#define __cvta_generic_to_shared(p) emu::shared_address(p)
inline float __uint_as_float(unsigned x) { return emu::bits<float>(x); }
inline unsigned __float_as_uint(float x) { return emu::bits<unsigned>(x); }
inline float __int_as_float(int x) { return emu::bits<float>(x); }
inline int __float_as_int(float x) { return emu::bits<int>(x); }
inline double __longlong_as_double(long long x) { return emu::bits<double>(x); }
inline long long __double_as_longlong(double x) { return emu::bits<long long>(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fdividef(float a, float b) { return a / b; }
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned s) {
  const unsigned long long all = (unsigned long long)y << 32 | x;
  unsigned r = 0;
  for (int i = 0; i < 4; i++) r |= (unsigned)(all >> 8 * (s >> 4 * i & 7) & 0xff) << 8 * i;
  return r;
}
