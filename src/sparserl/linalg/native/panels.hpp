// How activations are read and written: four indices by one load, and the rows that they point to, packed so that they
// stay in the first-level cache.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels.hpp"
#include "scratch.hpp"
#include "vectors.hpp"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "of four indices in a word, the first is the lowest");

namespace sparserl {
namespace SPARSERL_ISA {
namespace {

using Narrow = std::uint16_t;
using Wide = std::int32_t;

// Four indices in a row, by one load or two: a processor does so many loads a cycle, and an index counts like a vector.
template <typename Index>
struct FourIndices;

template <>
struct FourIndices<Narrow> {
  std::uint64_t word;

  SPARSERL_INLINE explicit FourIndices(const Narrow* from) { std::memcpy(&word, from, sizeof word); }
  template <int Place>
  SPARSERL_INLINE std::uint64_t get() const {
    return word >> 16 * Place & 0xffff;
  }
};

template <>
struct FourIndices<Wide> {
  std::uint64_t words[2];

  SPARSERL_INLINE explicit FourIndices(const Wide* from) { std::memcpy(words, from, sizeof words); }
  template <int Place>
  SPARSERL_INLINE std::uint64_t get() const {
    return words[Place / 2] >> 32 * (Place % 2) & 0xffffffff;
  }
};

template <typename Index>
SPARSERL_INLINE Four gather(const float* from, FourIndices<Index> at) {
  return Four{from[at.template get<0>()], from[at.template get<1>()], from[at.template get<2>()],
              from[at.template get<3>()]};
}

// Rows of activations as they lie in memory, `stride` bytes apart.
struct Direct {
  const char* origin;
  std::uint64_t stride;

  SPARSERL_INLINE const float* row(std::uint64_t index) const {
    return reinterpret_cast<const float*>(origin + index * stride);
  }
};

SPARSERL_INLINE Direct direct(const float* x, std::int64_t batch) {
  return {reinterpret_cast<const char*>(x), static_cast<std::uint64_t>(batch) * sizeof(float)};
}

// Rows of V vectors without gaps. Only a block's rows need exist, so `origin`, where row 0 would be, is a number.
template <int V>
struct Packed {
  static constexpr std::int64_t kStride = V * sizeof(Vector);
  std::uintptr_t origin;

  SPARSERL_INLINE const float* row(std::uint64_t index) const {
    return reinterpret_cast<const float*>(origin + index * kStride);
  }
};

template <int V>
SPARSERL_INLINE Packed<V> packed(const float* first_row, std::int64_t first = 0) {
  return {reinterpret_cast<std::uintptr_t>(first_row) - static_cast<std::uintptr_t>(first * Packed<V>::kStride)};
}

// Copies V vectors of the rows [first, last). Where they lie in memory, a batch apart, they share few of the cache's
// sets and push each other out.
template <int V>
Packed<V> pack(const float* x, std::int64_t batch, std::int64_t first, std::int64_t last) {
  auto* to = static_cast<float*>(scratch(Scratch::panel, (last - first) * Packed<V>::kStride));
  for (std::int64_t row = first; row < last; ++row) {
    for (int v = 0; v < V; ++v) store(to + ((row - first) * V + v) * kLanes, load(x + row * batch + v * kLanes));
  }
  return packed<V>(to, first);
}

// Copies the last `width` samples, fewer than a vector has lanes, of all rows, and fills up with zeros.
Packed<1> pack_rest(const float* x, std::int64_t batch, std::int64_t width, std::int64_t row_count) {
  auto* to = static_cast<float*>(scratch(Scratch::panel, row_count * Packed<1>::kStride));
  for (std::int64_t row = 0; row < row_count; ++row) store(to + row * kLanes, load_part(x + row * batch, width));
  return packed<1>(to);
}

// Writes V vectors, or of one the first `width` samples.
template <int V>
SPARSERL_INLINE void store_row(float* to, const Vector (&row)[V], std::int64_t width) {
  if (V == 1 && width < kLanes) {
    store_part(to, row[0], width);
  } else {
    for (int v = 0; v < V; ++v) store(to + v * kLanes, row[v]);
  }
}

// Reads V vectors of dy, or of one the first `width` samples; where y is given, zeros where it is not above 0.
template <int V>
SPARSERL_INLINE void masked_gradients(Vector (&g)[V], const float* dy, const float* y, std::int64_t width) {
  const bool part = V == 1 && width < kLanes;
  for (int v = 0; v < V; ++v) {
    g[v] = part ? load_part(dy, width) : load(dy + v * kLanes);
    if (y) g[v] = (part ? load_part(y, width) : load(y + v * kLanes)) > Vector{} ? g[v] : Vector{};
  }
}

template <int V>
SPARSERL_INLINE float sum_all(const Vector (&g)[V]) {
  Vector total = g[0];
  for (int v = 1; v < V; ++v) total += g[v];
  return sum(total);
}

// A matrix's columns, which are the rows of activations, in `count` blocks.
struct Blocks {
  std::int64_t count, size, column_count;

  std::int64_t first(std::int64_t block) const { return block < count ? block * size : column_count; }
};

// As few blocks as fit `bytes` as packed rows of V vectors.
template <int V>
Blocks blocks_of(std::int64_t column_count, std::size_t bytes) {
  const std::int64_t most = static_cast<std::int64_t>(bytes) / Packed<V>::kStride;
  const std::int64_t count = column_count > most ? (column_count + most - 1) / most : 1;
  return {count, (column_count + count - 1) / count, column_count};
}

// Blocks cost a pass over all rows each. That pays where the activations that a row reads at once are more than the
// first-level cache takes, and a row has at least `part` weights in each block.
template <int V>
bool blocks_pay(const Rows& rows, std::int64_t batch, std::int64_t bytes_at_once, std::int64_t part,
                std::size_t bytes) {
  if (batch < V * kLanes || rows.column_count * bytes_at_once <= static_cast<std::int64_t>(panel_bytes())) return false;
  return rows.starts[rows.row_count] >= part * rows.row_count * blocks_of<V>(rows.column_count, bytes).count;
}

// The first of the ascending columns [begin, end) that is not before `limit`: halving without branches on the data.
template <typename Column>
SPARSERL_INLINE std::int32_t first_from(const Column* columns, std::int32_t begin, std::int32_t end,
                                        std::int64_t limit) {
  if (begin == end) return end;
  const auto bound = static_cast<Column>(limit);
  const Column* first = columns + begin;
  for (std::int32_t count = end - begin; count > 1;) {
    const std::int32_t half = count / 2;
    first = first[half - 1] < bound ? first + half : first;
    count -= half;
  }
  return static_cast<std::int32_t>(first - columns) + (*first < bound);
}

#if defined(__AVX512BW__)
// With 32 comparisons in an instruction, counting is quicker.
SPARSERL_INLINE std::int32_t first_from(const Narrow* columns, std::int32_t begin, std::int32_t end,
                                        std::int64_t limit) {
  const __m512i bound = _mm512_set1_epi16(static_cast<short>(limit));
  for (; begin + 32 <= end; begin += 32) {
    const __mmask32 before = _mm512_cmplt_epu16_mask(_mm512_loadu_si512(columns + begin), bound);
    if (before != 0xffffffff) return begin + __builtin_popcount(before);
  }
  const __mmask32 valid = (1u << (end - begin)) - 1;
  const __m512i rest = _mm512_maskz_loadu_epi16(valid, columns + begin);
  return begin + __builtin_popcount(_mm512_mask_cmplt_epu16_mask(valid, rest, bound));
}
#endif

// Where the rows' weights change from block to block: row r has the weights [cuts[b][r], cuts[b + 1][r]) in block b.
template <typename Column>
const std::int32_t* cut_rows(const Rows& rows, const Column* columns, Blocks blocks) {
  const std::int64_t n = rows.row_count;
  auto* cuts = static_cast<std::int32_t*>(scratch(Scratch::cuts, (blocks.count + 1) * n * sizeof(std::int32_t)));
  for (std::int64_t row = 0; row < n; ++row) {
    const std::int32_t end = rows.starts[row + 1];
    std::int32_t cut = cuts[row] = rows.starts[row];
    for (std::int64_t block = 1; block < blocks.count; ++block) {
      cut = cuts[block * n + row] = first_from(columns, cut, end, blocks.first(block));
    }
    cuts[blocks.count * n + row] = end;
  }
  return cuts;
}

}  // namespace
}  // namespace SPARSERL_ISA
}  // namespace sparserl
