// What stands for a tensor map's 128 bytes: the address of this, then MAGIC.
#pragma once
#include "device.h"

namespace emu {
struct Map {  // as `_Map` of run.py lays it out; axes innermost first
  static constexpr u64 MAGIC = 0x7E45083A90000001ull;
  u8* address;
  long long dims[5], strides[5];  // strides in bytes
  int box[5], steps[5], lower[2], upper[2];
  int rank, bytes, swizzle, tf32, channels, pixels;  // channels: 0 but for im2col
};
}  // namespace emu
