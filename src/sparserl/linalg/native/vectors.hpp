// Vectors as wide as the instruction set has them, by the vector extensions of GCC and Clang: one source for all
// widths. Instructions are named only where GCC makes much worse of the portable way to say it.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // in GCC 12's immintrin.h, wherever it is inlined
#endif
#endif

#define SPARSERL_INLINE inline __attribute__((always_inline))

namespace sparserl {
namespace SPARSERL_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using Vector = float __attribute__((vector_size(kLanes * 4)));
using Four = float __attribute__((vector_size(16)));
using Lanes = std::make_integer_sequence<int, kLanes>;

SPARSERL_INLINE Vector load(const float* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

// The same, once: a compiler may otherwise load anew for each use, as an operand of the instruction that uses it.
SPARSERL_INLINE Vector load_once(const float* from) {
  Vector vector = load(from);
#if defined(__x86_64__)
  asm("" : "+v"(vector));
#elif defined(__aarch64__)
  asm("" : "+w"(vector));
#endif
  return vector;
}

SPARSERL_INLINE void store(float* to, Vector vector) { std::memcpy(to, &vector, sizeof vector); }

SPARSERL_INLINE Four load_four(const float* from) {
  Four four;
  std::memcpy(&four, from, sizeof four);
  return four;
}

SPARSERL_INLINE void store_four(float* to, Four four) { std::memcpy(to, &four, sizeof four); }

#if defined(__AVX512F__)
SPARSERL_INLINE __mmask16 first_lanes(std::int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }
#elif defined(__AVX2__)
SPARSERL_INLINE __m256i first_lanes(std::int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif

// The first `count` lanes, fewer than all, and zeros; nothing behind them is touched.
SPARSERL_INLINE Vector load_part(const float* from, std::int64_t count) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(first_lanes(count), from);
#elif defined(__AVX2__)
  return _mm256_maskload_ps(from, first_lanes(count));
#else
  Vector vector = {};
  for (std::int64_t lane = 0; lane < count; ++lane) vector[lane] = from[lane];
  return vector;
#endif
}

SPARSERL_INLINE void store_part(float* to, Vector vector, std::int64_t count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, first_lanes(count), vector);
#elif defined(__AVX2__)
  _mm256_maskstore_ps(to, first_lanes(count), vector);
#else
  for (std::int64_t lane = 0; lane < count; ++lane) to[lane] = vector[lane];
#endif
}

SPARSERL_INLINE Vector broadcast(float value) { return value - Vector{}; }

// Four floats, over and over.
SPARSERL_INLINE Vector repeat_four(const float* from) {
#if defined(__AVX512F__)
  return _mm512_broadcast_f32x4(_mm_loadu_ps(from));
#elif defined(__AVX2__)
  return _mm256_broadcast_ps(reinterpret_cast<const __m128*>(from));
#else
  return load(from);
#endif
}

template <int... I>
SPARSERL_INLINE Vector repeat(Four four, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(four, four, (I % 4)...);
}

// In every four lanes the one at `Place`, four times.
template <int Place, int... I>
SPARSERL_INLINE Vector splat(Vector fours, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(fours, fours, (I / 4 * 4 + Place)...);
}

// The sum of all fours of a vector.
template <typename Wide>
SPARSERL_INLINE Four fold(Wide vector) {
  if constexpr (sizeof(Wide) == 64) {
    return fold(__builtin_shufflevector(vector, vector, 0, 1, 2, 3, 4, 5, 6, 7) +
                __builtin_shufflevector(vector, vector, 8, 9, 10, 11, 12, 13, 14, 15));
  } else if constexpr (sizeof(Wide) == 32) {
    return __builtin_shufflevector(vector, vector, 0, 1, 2, 3) + __builtin_shufflevector(vector, vector, 4, 5, 6, 7);
  } else {
    return vector;
  }
}

SPARSERL_INLINE float sum(Vector vector) {
  const Four four = fold(vector);
  return (four[0] + four[1]) + (four[2] + four[3]);
}

// In every four lanes: a0 b0 a1 b1 plus a2 b2 a3 b3.
template <int... I>
SPARSERL_INLINE Vector interleave(Vector a, Vector b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (I / 4 * 4 + I % 4 / 2 + I % 2 * kLanes)...) +
         __builtin_shufflevector(a, b, (I / 4 * 4 + 2 + I % 4 / 2 + I % 2 * kLanes)...);
}

// The sums of four vectors, in four lanes: a transposition costs less than four separate sums.
SPARSERL_INLINE Four sum_each(Vector a, Vector b, Vector c, Vector d) {
  return fold(interleave(interleave(a, c, Lanes{}), interleave(b, d, Lanes{}), Lanes{}));
}

}  // namespace
}  // namespace SPARSERL_ISA
}  // namespace sparserl
