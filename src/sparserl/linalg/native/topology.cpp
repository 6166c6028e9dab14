// Laying out a topology: two passes over the mask, and an exact selection by histograms instead of a sort. All inner
// loops run without branches that depend on the data, for those are unpredictable here.
#include "topology.hpp"

#include <algorithm>
#include <cstring>

#include "scratch.hpp"

namespace sparserl {
namespace {

using Narrow = std::uint16_t;
using Wide = std::int32_t;

// Lists the live outputs of one input from place `live` on, and returns the place behind them. A dead one is written
// too and overwritten by the next, which needs room: the last rows go without.
template <typename Output>
std::int32_t list_outputs(const bool* mask, std::int64_t output_count, std::int64_t capacity, std::int32_t live,
                          Output* outputs) {
  if (live + output_count <= capacity) {
    for (std::int64_t o = 0; o < output_count; ++o) {
      outputs[live] = static_cast<Output>(o);
      live += mask[o];
    }
  } else {
    for (std::int64_t o = 0; o < output_count; ++o) {
      if (mask[o]) outputs[live++] = static_cast<Output>(o);
    }
  }
  return live;
}

// The input-major order is that of the mask; a counting sort by output gives the output-major one.
template <typename Input, typename Output, typename Position>
void compress_as(const bool* mask, std::int64_t input_count, std::int64_t output_count, std::int64_t capacity,
                 const Topology& topology) {
  auto* inputs = static_cast<Input*>(topology.inputs.data);
  auto* outputs = static_cast<Output*>(topology.outputs.data);
  auto* permutation = static_cast<Position*>(topology.permutation.data);
  std::int32_t* input_starts = topology.input_starts;
  std::int32_t* output_starts = topology.output_starts;
  std::int32_t live = 0;
  for (std::int64_t i = 0; i < input_count; ++i) {
    input_starts[i] = live;
    live = list_outputs(mask + i * output_count, output_count, capacity, live, outputs);
  }
  input_starts[input_count] = live;
  std::fill(output_starts, output_starts + output_count + 1, 0);
  for (std::int32_t k = 0; k < live; ++k) ++output_starts[outputs[k] + 1];
  for (std::int64_t o = 0; o < output_count; ++o) output_starts[o + 1] += output_starts[o];
  // For a moment, the start of an output is the next free place of it; at the end it is the start of the next output.
  for (std::int64_t i = 0; i < input_count; ++i) {
    for (std::int32_t k = input_starts[i]; k < input_starts[i + 1]; ++k) {
      const std::int32_t p = output_starts[outputs[k]]++;
      permutation[k] = static_cast<Position>(p);
      inputs[p] = static_cast<Input>(i);
    }
  }
  std::copy_backward(output_starts, output_starts + output_count, output_starts + output_count + 1);
  output_starts[0] = 0;
  std::fill(inputs + live, inputs + capacity, Input{0});
  std::fill(outputs + live, outputs + capacity, Output{0});
  std::fill(permutation + live, permutation + capacity, Position{0});
}

constexpr int kDigitBits = 11;
using Histogram = std::int32_t[1 << kDigitBits];

// Counts the ranks by the digit at `low`, in two halves: equal digits in a row would wait for one another.
void count_digits(const std::uint32_t* ranks, std::int64_t size, int low, Histogram& histogram) {
  constexpr std::uint32_t kLast = (1u << kDigitBits) - 1;
  Histogram other = {};
  std::memset(histogram, 0, sizeof histogram);
  std::int64_t i = 0;
  for (; i + 2 <= size; i += 2) {
    ++histogram[ranks[i] >> low & kLast];
    ++other[ranks[i + 1] >> low & kLast];
  }
  if (i < size) ++histogram[ranks[i] >> low & kLast];
  for (std::size_t digit = 0; digit <= kLast; ++digit) histogram[digit] += other[digit];
}

// Copies the ranks whose digit at `low` and above is `digit`; `to` may be where they come from.
std::int64_t keep(const std::uint32_t* ranks, std::int64_t size, int low, std::uint32_t digit, std::uint32_t* to) {
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    to[kept] = ranks[i];
    kept += ranks[i] >> low == digit;
  }
  return kept;
}

}  // namespace

std::int64_t count_live(const bool* mask, std::int64_t size) {
  std::int64_t live = 0;
  std::int64_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, mask + i, sizeof eight);
    live += static_cast<std::int64_t>(eight * 0x0101010101010101u >> 56);  // the highest byte is the sum of all
  }
  for (; i < size; ++i) live += mask[i];
  return live;
}

void compress(const bool* mask, std::int64_t input_count, std::int64_t output_count, std::int64_t capacity,
              const Topology& topology) {
  using Compress = decltype(&compress_as<Wide, Wide, Wide>);
  static constexpr Compress table[2][2][2] = {
      {{compress_as<Wide, Wide, Wide>, compress_as<Wide, Wide, Narrow>},
       {compress_as<Wide, Narrow, Wide>, compress_as<Wide, Narrow, Narrow>}},
      {{compress_as<Narrow, Wide, Wide>, compress_as<Narrow, Wide, Narrow>},
       {compress_as<Narrow, Narrow, Wide>, compress_as<Narrow, Narrow, Narrow>}}};
  table[topology.inputs.narrow][topology.outputs.narrow][topology.permutation.narrow](mask, input_count, output_count,
                                                                                      capacity, topology);
}

// Finds the lowest chosen rank digit by digit, the highest first. Of the ranks that agree with it so far, `wanted` are
// still to be chosen; only they are looked at again.
void select(const std::uint32_t* ranks, std::int64_t size, std::int64_t count, bool* mask) {
  std::int64_t wanted = std::clamp<std::int64_t>(count, 0, size);
  std::fill(mask, mask + size, false);
  if (wanted == 0) return;
  auto* agreeing = static_cast<std::uint32_t*>(scratch(Scratch::values, (size + 1) * sizeof(std::uint32_t)));
  const std::uint32_t* from = ranks;
  std::int64_t left = size;
  std::uint32_t lowest = 0;
  for (const int low : {21, 10, 0}) {  // digits of 11, 11 and 10 bits; the last one shares a bit with the one before
    Histogram histogram;
    count_digits(from, left, low, histogram);
    std::uint32_t digit = (1u << kDigitBits) - 1;
    while (histogram[digit] < wanted) wanted -= histogram[digit--];
    lowest = low > 0 ? lowest << kDigitBits | digit : lowest << 10 | (digit & 0x3ff);
    if (low > 0) left = keep(from, left, low, lowest, agreeing);
    from = agreeing;
  }
  for (std::int64_t i = 0; i < size; ++i) mask[i] = ranks[i] > lowest;
  for (std::int64_t i = 0; wanted > 0; ++i) {
    mask[i] |= ranks[i] == lowest;
    wanted -= ranks[i] == lowest;
  }
}

}  // namespace sparserl
