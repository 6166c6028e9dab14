// Laying out a topology: from a mask to compressed indices, and from ranks to a mask.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sparserl {

// Where the indices of a compressed matrix are written: unsigned 16-bit where `narrow`, else signed 32-bit.
struct MutableIndices {
  void* data;
  bool narrow;
};

// The indices of a compressed matrix with room for `capacity` weights, in both orders.
struct Topology {
  MutableIndices inputs;        // [capacity], output-major
  std::int32_t* output_starts;  // [output_count + 1]
  MutableIndices outputs;       // [capacity], input-major
  std::int32_t* input_starts;   // [input_count + 1]
  MutableIndices permutation;   // [capacity], from input-major to output-major positions
};

// The number of live weights in a mask of `size` booleans.
std::int64_t count_live(const bool* mask, std::int64_t size);

// Writes the indices of a mask [input_count, output_count] with at most `capacity` live weights; padding becomes 0.
void compress(const bool* mask, std::int64_t input_count, std::int64_t output_count, std::int64_t capacity,
              const Topology& topology);

// Marks the `count` highest of `size` ranks, the lowest index first among equals; `count` is clipped to [0, size].
void select(const std::uint32_t* ranks, std::int64_t size, std::int64_t count, bool* mask);

}  // namespace sparserl
