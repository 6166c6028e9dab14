// The gradients of live weights: inner products of activations with gradients, and of biases.
#pragma once

#include <cstdint>

#include "kernels.hpp"
#include "panels.hpp"
#include "scratch.hpp"
#include "vectors.hpp"

namespace sparserl {
namespace SPARSERL_ISA {
namespace {

constexpr int kSampled = 8;  // vectors of a panel

template <int V>
SPARSERL_INLINE Vector inner(const Vector (&g)[V], const float* row) {
  Vector products = g[0] * load(row);
  for (int v = 1; v < V; ++v) products += g[v] * load(row + v * kLanes);
  return products;
}

// Writes the weights [begin, end) of a row, or adds to what earlier samples gave.
template <int V, typename Panel, typename Column>
SPARSERL_INLINE void sample_weights(const Vector (&g)[V], const Column* columns, std::int32_t begin, std::int32_t end,
                                    Panel panel, float* dvalues, bool add) {
  std::int32_t p = begin;
  for (; p + 4 <= end; p += 4) {
    const FourIndices<Column> at(columns + p);
    Four sums = sum_each(inner(g, panel.row(at.template get<0>())), inner(g, panel.row(at.template get<1>())),
                         inner(g, panel.row(at.template get<2>())), inner(g, panel.row(at.template get<3>())));
    if (add) sums += load_four(dvalues + p);
    store_four(dvalues + p, sums);
  }
  for (; p < end; ++p) {
    const float total = sum(inner(g, panel.row(columns[p])));
    dvalues[p] = add ? dvalues[p] + total : total;
  }
}

template <typename Column>
struct SampledProduct {
  const Rows& rows;
  const Column* columns;
  const float* dy;
  const float* y;  // null: g is dy
  const float* x;
  float* dvalues;
  float* dbias;
  float* g;  // null: not wanted
  std::int64_t batch;

  template <int V>
  SPARSERL_INLINE void row_gradients(Vector (&row_g)[V], std::int64_t row, std::int64_t sample,
                                     std::int64_t width) const {
    const std::int64_t at = row * batch + sample;
    masked_gradients(row_g, dy + at, y ? y + at : nullptr, width);
  }

  template <int V>
  SPARSERL_INLINE void keep(const Vector (&row_g)[V], std::int64_t row, std::int64_t sample, std::int64_t width) const {
    dbias[row] = sample > 0 ? dbias[row] + sum_all(row_g) : sum_all(row_g);
    if (g) store_row(g + row * batch + sample, row_g, width);
  }

  template <int V, typename Panel>
  void whole_rows(Panel panel, std::int64_t sample, std::int64_t width = V * kLanes) const {
    for (std::int64_t row = 0; row < rows.row_count; ++row) {
      Vector row_g[V];
      row_gradients(row_g, row, sample, width);
      keep(row_g, row, sample, width);
      sample_weights(row_g, columns, rows.starts[row], rows.starts[row + 1], panel, dvalues, sample > 0);
    }
  }

  template <int V>
  void by_blocks(Blocks blocks, const std::int32_t* cuts, std::int64_t sample) const {
    for (std::int64_t block = 0; block < blocks.count; ++block, cuts += rows.row_count) {
      // A batch as wide as the panel lies without gaps already.
      const Packed<V> panel =
          batch == V * kLanes ? packed<V>(x) : pack<V>(x + sample, batch, blocks.first(block), blocks.first(block + 1));
      for (std::int64_t row = 0; row < rows.row_count; ++row) {
        Vector row_g[V];
        row_gradients(row_g, row, sample, V * kLanes);
        if (block == 0) keep(row_g, row, sample, V * kLanes);
        sample_weights(row_g, columns, cuts[row], cuts[rows.row_count + row], panel, dvalues, sample > 0);
      }
    }
  }

  template <int V>
  std::int64_t panels(std::int64_t sample) const {
    for (; sample + V * kLanes <= batch; sample += V * kLanes) whole_rows<V>(direct(x + sample, batch), sample);
    return sample;
  }

  void single() const {
    for (std::int64_t row = 0; row < rows.row_count; ++row) {
      const float row_g = y && !(y[row] > 0) ? 0 : dy[row];
      dbias[row] = row_g;
      if (g) g[row] = row_g;
      std::int32_t p = rows.starts[row];
      const std::int32_t end = rows.starts[row + 1];
      for (; p + 4 <= end; p += 4) store_four(dvalues + p, row_g * gather(x, FourIndices<Column>(columns + p)));
      for (; p < end; ++p) dvalues[p] = row_g * x[columns[p]];
    }
  }

  void run() const {
    if (batch == 1) return single();
    std::int64_t sample = 0;
    if (blocks_pay<kSampled>(rows, batch, Packed<kSampled>::kStride, 7, panel_bytes())) {
      const Blocks blocks = blocks_of<kSampled>(rows.column_count, panel_bytes());
      const std::int32_t* cuts = cut_rows(rows, columns, blocks);
      for (; sample + kSampled * kLanes <= batch; sample += kSampled * kLanes)
        by_blocks<kSampled>(blocks, cuts, sample);
    }
    sample = panels<1>(panels<2>(panels<4>(panels<kSampled>(sample))));
    if (sample == batch && batch > 0) return;  // an empty batch gives zeros, too
    const std::int64_t width = batch - sample;
    whole_rows<1>(pack_rest(x + sample, batch, width, rows.column_count), sample, width);
  }
};

void sampled_product(const Rows& rows, const float* dy, const float* y, const float* x, float* dvalues, float* dbias,
                     float* g, std::int64_t batch) {
  if (rows.columns.narrow) {
    SampledProduct<Narrow>{rows, static_cast<const Narrow*>(rows.columns.data), dy, y, x, dvalues, dbias, g, batch}
        .run();
  } else {
    SampledProduct<Wide>{rows, static_cast<const Wide*>(rows.columns.data), dy, y, x, dvalues, dbias, g, batch}.run();
  }
}

}  // namespace
}  // namespace SPARSERL_ISA
}  // namespace sparserl
