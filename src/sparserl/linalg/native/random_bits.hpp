// Threefry-2x32 with 20 rounds: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
#pragma once

#include <cstdint>
#include <cstring>

#include "vectors.hpp"

namespace sparserl {
namespace SPARSERL_ISA {
namespace {

using Words = std::uint32_t __attribute__((vector_size(kLanes * 4)));

constexpr int kStreams = 4;  // vectors at a time: each waits for the round before, so several keep the processor busy
constexpr int kDraws = kStreams * kLanes;

template <int Distance>
SPARSERL_INLINE void mix(Words (&first)[kStreams], Words (&second)[kStreams]) {
  for (int i = 0; i < kStreams; ++i) {
    first[i] += second[i];
    second[i] = (second[i] << Distance | second[i] >> (32 - Distance)) ^ first[i];
  }
}

template <int A, int B, int C, int D>
SPARSERL_INLINE void four_rounds(Words (&first)[kStreams], Words (&second)[kStreams], std::uint32_t add_first,
                                 std::uint32_t add_second) {
  mix<A>(first, second);
  mix<B>(first, second);
  mix<C>(first, second);
  mix<D>(first, second);
  for (int i = 0; i < kStreams; ++i) {
    first[i] += add_first;
    second[i] += add_second;
  }
}

// bits[i] = the two words that the key makes of the counter (0, i), by exclusive or.
void random_bits(const std::uint32_t* key, std::uint32_t* bits, std::int64_t count) {
  const std::uint32_t k0 = key[0], k1 = key[1], k2 = k0 ^ k1 ^ 0x1BD11BDAu;
  Words lanes = {};
  for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = lane;
  for (std::int64_t begin = 0; begin < count; begin += kDraws) {
    Words first[kStreams] = {}, second[kStreams] = {};
    for (int i = 0; i < kStreams; ++i) {
      first[i] += k0;
      second[i] += lanes + (k1 + static_cast<std::uint32_t>(begin + i * kLanes));
    }
    four_rounds<13, 15, 26, 6>(first, second, k1, k2 + 1);
    four_rounds<17, 29, 16, 24>(first, second, k2, k0 + 2);
    four_rounds<13, 15, 26, 6>(first, second, k0, k1 + 3);
    four_rounds<17, 29, 16, 24>(first, second, k1, k2 + 4);
    four_rounds<13, 15, 26, 6>(first, second, k2, k0 + 5);
    for (int i = 0; i < kStreams; ++i) first[i] ^= second[i];
    const std::int64_t left = count - begin;
    std::memcpy(bits + begin, first, (left < kDraws ? left : kDraws) * sizeof *bits);
  }
}

}  // namespace
}  // namespace SPARSERL_ISA
}  // namespace sparserl
