// The products, compiled once for every instruction set: SPARSERL_ISA names it and is the namespace.
//
// A weight times a row of activations is one multiply-add for each vector of the batch, and each loads its activations,
// so loads are what is saved here: first those from the second-level cache, then all.
//
// This file and the headers of its own use nothing of the standard library that is compiled to code: such code has one
// name in all instruction sets, the linker keeps one copy, and that may be one that the processor cannot run.
#if !defined(SPARSERL_ISA)
#define SPARSERL_ISA portable
#endif

#include "kernels.hpp"

#include <cstdint>

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
constexpr int kSampled = 8;

// ------------------------------------------------------------------------------------------------------------ product

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
template <int V, typename Panel, typename Column>
SPARSERL_INLINE void add_four(Vector (&sums)[kSideBySide<V>][V], const float* values, FourIndices<Column> columns,
                              Panel panel) {
  constexpr int S = kSideBySide<V>;
  const Vector fours = repeat_four(values);
  add(sums[0], splat<0>(fours, Lanes{}), panel.row(columns.template get<0>()));
  add(sums[1 % S], splat<1>(fours, Lanes{}), panel.row(columns.template get<1>()));
  add(sums[2 % S], splat<2>(fours, Lanes{}), panel.row(columns.template get<2>()));
  add(sums[3 % S], splat<3>(fours, Lanes{}), panel.row(columns.template get<3>()));
}

// Adds the weights [begin, end) to `total`.
template <int V, typename Panel, typename Column>
SPARSERL_INLINE void add_weights(Vector (&total)[V], const float* values, const Column* columns, std::int32_t begin,
                                 std::int32_t end, Panel panel) {
  Vector sums[kSideBySide<V>][V];
  for (int v = 0; v < V; ++v) sums[0][v] = total[v];
  for (int s = 1; s < kSideBySide<V>; ++s) {
    for (int v = 0; v < V; ++v) sums[s][v] = Vector{};
  }
  std::int32_t p = begin;
  for (; p + 4 <= end; p += 4) add_four<V>(sums, values + p, FourIndices<Column>(columns + p), panel);
  for (; p < end; ++p) add(sums[0], broadcast(values[p]), panel.row(columns[p]));
  for (int s = 1; s < kSideBySide<V>; ++s) {
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
      float* to = y + row * batch + sample;
      if (V == 1 && width < kLanes) {
        store_part(to, sums[0], width);
      } else {
        for (int v = 0; v < V; ++v) store(to + v * kLanes, sums[v]);
      }
    }
  }

  // The same block by block: y holds the sums in between.
  template <int V>
  void by_blocks(Blocks blocks, const std::int32_t* cuts, std::int64_t sample) const {
    for (std::int64_t block = 0; block < blocks.count; ++block, cuts += rows.row_count) {
      const Packed<V> panel = pack<V>(x + sample, batch, blocks.first(block), blocks.first(block + 1));
      for (std::int64_t row = 0; row < rows.row_count; ++row) {
        float* to = y + row * batch + sample;
        Vector sums[V];
        for (int v = 0; v < V; ++v) sums[v] = block > 0 ? load(to + v * kLanes) : broadcast(first(row));
        add_weights(sums, values, columns, cuts[row], cuts[rows.row_count + row], panel);
        if (relu && block + 1 == blocks.count) clip(sums);
        for (int v = 0; v < V; ++v) store(to + v * kLanes, sums[v]);
      }
    }
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
    if (blocks_pay<kSummed>(rows, batch, Packed<kDirect>::kStride, 12)) {
      const Blocks blocks = blocks_of<kSummed>(rows.column_count);
      const std::int32_t* cuts = cut_rows(rows, columns, blocks);
      for (; sample + kSummed * kLanes <= batch; sample += kSummed * kLanes) by_blocks<kSummed>(blocks, cuts, sample);
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

// --------------------------------------------------------------------------------------------------- permuted product

template <typename Position>
void permute(const float* values, const Position* permutation, std::int32_t count, float* to) {
  std::int32_t k = 0;
  for (; k + 4 <= count; k += 4) store_four(to + k, gather(values, FourIndices<Position>(permutation + k)));
  for (; k < count; ++k) to[k] = values[permutation[k]];
}

// The values are put in order first: every panel of the batch reads them again.
void permuted_product(const Rows& rows, const float* values, Indices permutation, const float* x, float* y,
                      std::int64_t batch) {
  const std::int32_t live = rows.starts[rows.row_count];
  auto* permuted = static_cast<float*>(scratch(Scratch::values, live * sizeof(float)));
  if (permutation.narrow) {
    permute(values, static_cast<const Narrow*>(permutation.data), live, permuted);
  } else {
    permute(values, static_cast<const Wide*>(permutation.data), live, permuted);
  }
  product(rows, permuted, nullptr, false, x, y, batch);
}

// ---------------------------------------------------------------------------------------------------- sampled product

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
  float* g;  // null where y is
  std::int64_t batch;

  // The gradients of a row's samples, kept in g where they are not dy, and added up.
  template <int V>
  SPARSERL_INLINE void first_gradients(Vector (&row_g)[V], std::int64_t row, std::int64_t sample,
                                       std::int64_t width) const {
    const bool part = V == 1 && width < kLanes;
    Vector total = {};
    for (int v = 0; v < V; ++v) {
      const std::int64_t at = row * batch + sample + v * kLanes;
      row_g[v] = part ? load_part(dy + at, width) : load(dy + at);
      if (y) {
        row_g[v] = (part ? load_part(y + at, width) : load(y + at)) > Vector{} ? row_g[v] : Vector{};
        part ? store_part(g + at, row_g[v], width) : store(g + at, row_g[v]);
      }
      total += row_g[v];
    }
    dbias[row] = sample > 0 ? dbias[row] + sum(total) : sum(total);
  }

  template <int V, typename Panel>
  void whole_rows(Panel panel, std::int64_t sample, std::int64_t width = V * kLanes) const {
    for (std::int64_t row = 0; row < rows.row_count; ++row) {
      Vector row_g[V];
      first_gradients(row_g, row, sample, width);
      sample_weights(row_g, columns, rows.starts[row], rows.starts[row + 1], panel, dvalues, sample > 0);
    }
  }

  template <int V>
  void by_blocks(Blocks blocks, const std::int32_t* cuts, std::int64_t sample) const {
    const float* kept = (y ? g : dy) + sample;
    for (std::int64_t block = 0; block < blocks.count; ++block, cuts += rows.row_count) {
      // A batch as wide as the panel lies without gaps already.
      const Packed<V> panel =
          batch == V * kLanes ? packed<V>(x) : pack<V>(x + sample, batch, blocks.first(block), blocks.first(block + 1));
      for (std::int64_t row = 0; row < rows.row_count; ++row) {
        Vector row_g[V];
        if (block == 0) {
          first_gradients(row_g, row, sample, V * kLanes);
        } else {
          for (int v = 0; v < V; ++v) row_g[v] = load(kept + row * batch + v * kLanes);
        }
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
      if (y) g[row] = row_g;
      dbias[row] = row_g;
      std::int32_t p = rows.starts[row];
      const std::int32_t end = rows.starts[row + 1];
      for (; p + 4 <= end; p += 4) store_four(dvalues + p, row_g * gather(x, FourIndices<Column>(columns + p)));
      for (; p < end; ++p) dvalues[p] = row_g * x[columns[p]];
    }
  }

  void run() const {
    if (batch == 1) return single();
    std::int64_t sample = 0;
    if (blocks_pay<kSampled>(rows, batch, Packed<kSampled>::kStride, 7)) {
      const Blocks blocks = blocks_of<kSampled>(rows.column_count);
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

void sampled_product_relu(const Rows& rows, const float* dy, const float* y, const float* x, float* dvalues,
                          float* dbias, float* g, std::int64_t batch) {
  if (rows.columns.narrow) {
    SampledProduct<Narrow>{rows, static_cast<const Narrow*>(rows.columns.data), dy, y, x, dvalues, dbias, g, batch}
        .run();
  } else {
    SampledProduct<Wide>{rows, static_cast<const Wide*>(rows.columns.data), dy, y, x, dvalues, dbias, g, batch}.run();
  }
}

void sampled_product(const Rows& rows, const float* g, const float* x, float* dvalues, float* dbias,
                     std::int64_t batch) {
  sampled_product_relu(rows, g, nullptr, x, dvalues, dbias, nullptr, batch);
}

}  // namespace

#define SPARSERL_NAME_OF(isa) #isa
#define SPARSERL_NAME(isa) SPARSERL_NAME_OF(isa)
extern const Kernels table;
const Kernels table = {SPARSERL_NAME(SPARSERL_ISA), product, permuted_product, sampled_product, sampled_product_relu};

}  // namespace SPARSERL_ISA
}  // namespace sparserl
