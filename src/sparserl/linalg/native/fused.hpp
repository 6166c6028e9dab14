// All gradients of a layer in one pass over its weights. Only AVX-512 has registers for it.
#pragma once

#include <cstdint>

#include "kernels.hpp"
#include "panels.hpp"
#include "scratch.hpp"
#include "vectors.hpp"

namespace sparserl {
namespace SPARSERL_ISA {
namespace {

constexpr int kFused = 8;  // vectors of a row of x and of dx, beside each other in registers
constexpr int kChains = 2;  // sums side by side, so that a multiply-add need not wait for the one before
constexpr int kAhead = 8;   // how many weights ahead their rows of g are asked for

// A row of g serves two multiply-adds for one load: the sum for dx and the inner product with x. `next` is read soon.
SPARSERL_INLINE Vector add_and_multiply(Vector (&dx)[kFused], const Vector (&x)[kFused], Vector weight,
                                        const float* row, const float* next) {
  Vector products[kChains];
  for (int v = 0; v < kFused; ++v) {
    __builtin_prefetch(next + v * kLanes);
    const Vector g = load_once(row + v * kLanes);
    dx[v] += weight * g;
    products[v % kChains] = v < kChains ? x[v] * g : products[v % kChains] + x[v] * g;
  }
  for (int chain = 1; chain < kChains; ++chain) products[0] += products[chain];
  return products[0];
}

// All gradients in one pass over the weights, for batches of whole panels. Rows are inputs here, and columns outputs.
template <typename Column>
struct Fused {
  static constexpr int V = kFused;

  const Rows& rows;
  const Column* columns;
  const float* values;  // in the order of the rows, like dvalues
  const float* dy;
  const float* y;  // null: g is dy
  const float* x;
  float* dvalues;
  float* dbias;
  float* dx;
  std::int64_t batch;

  // V vectors of g for all outputs, without gaps; their sums go to dbias.
  Packed<V> pack_gradients(std::int64_t sample) const {
    auto* to = static_cast<float*>(scratch(Scratch::panel, rows.column_count * Packed<V>::kStride));
    for (std::int64_t row = 0; row < rows.column_count; ++row) {
      const std::int64_t at = row * batch + sample;
      Vector g[V];
      masked_gradients(g, dy + at, y ? y + at : nullptr, V * kLanes);
      for (int v = 0; v < V; ++v) store(to + (row * V + v) * kLanes, g[v]);
      dbias[row] = sample > 0 ? dbias[row] + sum_all(g) : sum_all(g);
    }
    return packed<V>(to);
  }

  SPARSERL_INLINE Four four_products(Vector (&row_dx)[V], const Vector (&row_x)[V], std::int32_t p,
                                     std::int32_t ahead, Packed<V> g) const {
    const Vector fours = repeat_four(values + p);
    const FourIndices<Column> at(columns + p), next(columns + ahead);
    return sum_each(add_and_multiply(row_dx, row_x, splat<0>(fours, Lanes{}), g.row(at.template get<0>()),
                                     g.row(next.template get<0>())),
                    add_and_multiply(row_dx, row_x, splat<1>(fours, Lanes{}), g.row(at.template get<1>()),
                                     g.row(next.template get<1>())),
                    add_and_multiply(row_dx, row_x, splat<2>(fours, Lanes{}), g.row(at.template get<2>()),
                                     g.row(next.template get<2>())),
                    add_and_multiply(row_dx, row_x, splat<3>(fours, Lanes{}), g.row(at.template get<3>()),
                                     g.row(next.template get<3>())));
  }

  void panel(std::int64_t sample) const {
    const Packed<V> g = pack_gradients(sample);
    const std::int32_t live = rows.starts[rows.row_count];
    for (std::int64_t row = 0; row < rows.row_count; ++row) {
      const std::int64_t at = row * batch + sample;
      Vector row_x[V], row_dx[V];
      for (int v = 0; v < V; ++v) {
        row_x[v] = load(x + at + v * kLanes);
        row_dx[v] = Vector{};
      }
      std::int32_t p = rows.starts[row];
      const std::int32_t end = rows.starts[row + 1];
      for (; p + 4 <= end; p += 4) {
        Four sums = four_products(row_dx, row_x, p, p + kAhead + 4 <= live ? p + kAhead : p, g);
        if (sample > 0) sums += load_four(dvalues + p);
        store_four(dvalues + p, sums);
      }
      for (; p < end; ++p) {
        const float* only = g.row(columns[p]);
        const float total = sum(add_and_multiply(row_dx, row_x, broadcast(values[p]), only, only));
        dvalues[p] = sample > 0 ? dvalues[p] + total : total;
      }
      store_row(dx + at, row_dx, V * kLanes);
    }
  }

  void run() const {
    for (std::int64_t sample = 0; sample < batch; sample += V * kLanes) panel(sample);
  }
};

template <typename Position>
void permute_back(const float* from, const Position* permutation, std::int32_t count, float* values) {
  std::int32_t k = 0;
  for (; k + 4 <= count; k += 4) {
    const FourIndices<Position> at(permutation + k);
    values[at.template get<0>()] = from[k];
    values[at.template get<1>()] = from[k + 1];
    values[at.template get<2>()] = from[k + 2];
    values[at.template get<3>()] = from[k + 3];
  }
  for (; k < count; ++k) values[permutation[k]] = from[k];
}

void fused_gradients(const Orders& orders, const float* values, const float* dy, const float* y, const float* x,
                     float* dvalues, float* dbias, float* dx, std::int64_t batch) {
  const Rows& rows = orders.by_input;
  const std::int32_t live = rows.starts[rows.row_count];
  const float* permuted = permute(values, orders.permutation, live);
  auto* sums = static_cast<float*>(scratch(Scratch::sums, live * sizeof(float)));
  if (rows.columns.narrow) {
    const auto* columns = static_cast<const Narrow*>(rows.columns.data);
    Fused<Narrow>{rows, columns, permuted, dy, y, x, sums, dbias, dx, batch}.run();
  } else {
    const auto* columns = static_cast<const Wide*>(rows.columns.data);
    Fused<Wide>{rows, columns, permuted, dy, y, x, sums, dbias, dx, batch}.run();
  }
  if (orders.permutation.narrow) {
    permute_back(sums, static_cast<const Narrow*>(orders.permutation.data), live, dvalues);
  } else {
    permute_back(sums, static_cast<const Wide*>(orders.permutation.data), live, dvalues);
  }
}

}  // namespace
}  // namespace SPARSERL_ISA
}  // namespace sparserl
