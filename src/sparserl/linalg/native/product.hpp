// The product of a kernel with activations, and that of its transpose.
#pragma once

#include <cstdint>

#include "kernels.hpp"
#include "panels.hpp"
#include "scratch.hpp"
#include "vectors.hpp"

namespace sparserl {
namespace SPARSERL_ISA {
namespace {

// Rows of 8 vectors serve best where they come from memory as they are; of 4, where they are packed for sums that wait
// in memory between the blocks.
constexpr int kDirect = 8;
constexpr int kSummed = 4;
static_assert(kDirect % kSummed == 0);
constexpr int kStretchedPart = kLanes >= 16 ? 8 : 12;  // weights a row and block from which stretched panels pay

// Sums side by side, each of every n-th weight, so that a multiply-add need not wait for the one before.
template <int V>
constexpr int kSideBySide = V >= 8   ? 1
                            : V >= 4 ? 2
                                     : 4;

template <int V>
SPARSERL_INLINE void add(Vector (&sums)[V], Vector weight, const float* row) {
  for (int v = 0; v < V; ++v) sums[v] += weight * load(row + v * kLanes);
}

// One load brings four weights and shuffles spread them: a broadcast from memory would be a load for each.
template <int V, int S, typename Panel, typename Column>
SPARSERL_INLINE void add_four(Vector (&sums)[S][V], const float* values, FourIndices<Column> columns, Panel panel) {
  const Vector fours = repeat_four(values);
  add(sums[0], splat<0>(fours, Lanes{}), panel.row(columns.template get<0>()));
  add(sums[1 % S], splat<1>(fours, Lanes{}), panel.row(columns.template get<1>()));
  add(sums[2 % S], splat<2>(fours, Lanes{}), panel.row(columns.template get<2>()));
  add(sums[3 % S], splat<3>(fours, Lanes{}), panel.row(columns.template get<3>()));
}

// Adds the weights [begin, end) to `total`.
template <int V, int S = kSideBySide<V>, typename Panel, typename Column>
SPARSERL_INLINE void add_weights(Vector (&total)[V], const float* values, const Column* columns, std::int32_t begin,
                                 std::int32_t end, Panel panel) {
  Vector sums[S][V];
  for (int v = 0; v < V; ++v) sums[0][v] = total[v];
  for (int s = 1; s < S; ++s) {
    for (int v = 0; v < V; ++v) sums[s][v] = Vector{};
  }
  std::int32_t p = begin;
  for (; p + 4 <= end; p += 4) add_four(sums, values + p, FourIndices<Column>(columns + p), panel);
  for (; p < end; ++p) add(sums[0], broadcast(values[p]), panel.row(columns[p]));
  for (int s = 1; s < S; ++s) {
    for (int v = 0; v < V; ++v) sums[0][v] += sums[s][v];
  }
  for (int v = 0; v < V; ++v) total[v] = sums[0][v];
}

// The greater of it and 0; what is not a number stays so.
template <int V>
SPARSERL_INLINE void clip(Vector (&sums)[V]) {
  for (int v = 0; v < V; ++v) sums[v] = sums[v] < Vector{} ? Vector{} : sums[v];
}

template <typename Column>
struct Product {
  const Rows& rows;
  const float* values;
  const Column* columns;
  const float* bias;  // null: zeros
  bool relu;
  const float* x;
  float* y;
  std::int64_t batch;

  float first(std::int64_t row) const { return bias ? bias[row] : 0; }

  // V vectors of the batch from `sample` on, of them `width` samples, row after row.
  template <int V, typename Panel>
  void whole_rows(Panel panel, std::int64_t sample, std::int64_t width = V * kLanes) const {
    for (std::int64_t row = 0; row < rows.row_count; ++row) {
      Vector sums[V];
      for (int v = 0; v < V; ++v) sums[v] = broadcast(first(row));
      add_weights(sums, values, columns, rows.starts[row], rows.starts[row + 1], panel);
      if (relu) clip(sums);
      store_row(y + row * batch + sample, sums, width);
    }
  }

  // The same block by block: y holds the sums in between.
  template <int V, int S>
  void by_blocks(Blocks blocks, const std::int32_t* cuts, std::int64_t sample) const {
    for (std::int64_t block = 0; block < blocks.count; ++block, cuts += rows.row_count) {
      const Packed<V> panel = pack<V>(x + sample, batch, blocks.first(block), blocks.first(block + 1));
      for (std::int64_t row = 0; row < rows.row_count; ++row) {
        float* to = y + row * batch + sample;
        Vector sums[V];
        for (int v = 0; v < V; ++v) sums[v] = block > 0 ? load(to + v * kLanes) : broadcast(first(row));
        add_weights<V, S>(sums, values, columns, cuts[row], cuts[rows.row_count + row], panel);
        if (relu && block + 1 == blocks.count) clip(sums);
        for (int v = 0; v < V; ++v) store(to + v * kLanes, sums[v]);
      }
    }
  }

  // Of small matrices half of the activations that are read directly are in the first level all the same.
  bool stretched_blocks_pay() const {
    const std::size_t bytes = stretched_panel_bytes();
    if (bytes == 0 || rows.column_count * Packed<kDirect>::kStride <= static_cast<std::int64_t>(2 * bytes)) return false;
    return blocks_pay<kSummed>(rows, batch, Packed<kDirect>::kStride, kStretchedPart, bytes);
  }

  // The first `panel_count` panels block by block; returns where the next would begin.
  template <int S>
  std::int64_t in_blocks(std::size_t bytes, std::int64_t panel_count) const {
    const Blocks blocks = blocks_of<kSummed>(rows.column_count, bytes);
    const std::int32_t* cuts = cut_rows(rows, columns, blocks);
    constexpr std::int64_t width = kSummed * kLanes;
    for (std::int64_t panel = 0; panel < panel_count; ++panel) by_blocks<kSummed, S>(blocks, cuts, panel * width);
    return panel_count * width;
  }

  template <int V>
  std::int64_t panels(std::int64_t sample) const {
    for (; sample + V * kLanes <= batch; sample += V * kLanes) whole_rows<V>(direct(x + sample, batch), sample);
    return sample;
  }

  // A batch of one: there is nothing contiguous, so four activations are gathered.
  void single() const {
    for (std::int64_t row = 0; row < rows.row_count; ++row) {
      std::int32_t p = rows.starts[row];
      const std::int32_t end = rows.starts[row + 1];
      Four sums = {first(row)};
      for (; p + 4 <= end; p += 4) sums += load_four(values + p) * gather(x, FourIndices<Column>(columns + p));
      float total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
      for (; p < end; ++p) total += values[p] * x[columns[p]];
      y[row] = relu && total < 0 ? 0 : total;
    }
  }

  void run() const {
    if (batch == 1) return single();
    std::int64_t sample = 0;
    if (blocks_pay<kSummed>(rows, batch, Packed<kDirect>::kStride, 12, panel_bytes())) {
      sample = in_blocks<kSideBySide<kSummed>>(panel_bytes(), batch / (kSummed * kLanes));
    } else if (stretched_blocks_pay()) {
      // What would be read directly otherwise, and in the same order: the numbers are the same to the last bit.
      constexpr int kPanels = kDirect / kSummed;
      sample = in_blocks<1>(stretched_panel_bytes(), batch / (kDirect * kLanes) * kPanels);
    }
    sample = panels<1>(panels<2>(panels<4>(panels<kDirect>(sample))));
    if (sample == batch) return;
    const std::int64_t width = batch - sample;
    whole_rows<1>(pack_rest(x + sample, batch, width, rows.column_count), sample, width);
  }
};

void product(const Rows& rows, const float* values, const float* bias, bool relu, const float* x, float* y,
             std::int64_t batch) {
  if (rows.columns.narrow) {
    Product<Narrow>{rows, values, static_cast<const Narrow*>(rows.columns.data), bias, relu, x, y, batch}.run();
  } else {
    Product<Wide>{rows, values, static_cast<const Wide*>(rows.columns.data), bias, relu, x, y, batch}.run();
  }
}

template <typename Position>
void permute(const float* values, const Position* permutation, std::int32_t count, float* to) {
  std::int32_t k = 0;
  for (; k + 4 <= count; k += 4) store_four(to + k, gather(values, FourIndices<Position>(permutation + k)));
  for (; k < count; ++k) to[k] = values[permutation[k]];
}

// The values are put in order first: every panel of the batch reads them again.
const float* permute(const float* values, Indices permutation, std::int32_t live) {
  auto* permuted = static_cast<float*>(scratch(Scratch::values, live * sizeof(float)));
  if (permutation.narrow) {
    permute(values, static_cast<const Narrow*>(permutation.data), live, permuted);
  } else {
    permute(values, static_cast<const Wide*>(permutation.data), live, permuted);
  }
  return permuted;
}

void permuted_product(const Rows& rows, const float* values, Indices permutation, const float* x, float* y,
                      std::int64_t batch) {
  product(rows, permute(values, permutation, rows.starts[rows.row_count]), nullptr, false, x, y, batch);
}

}  // namespace
}  // namespace SPARSERL_ISA
}  // namespace sparserl
