// What the kernels of one instruction set are: a table of functions over plain pointers. Nothing is checked here.
#pragma once

#include <cstdint>

namespace sparserl {

// Indices of units or positions: unsigned 16-bit where `narrow`, else signed 32-bit.
struct Indices {
  const void* data;
  bool narrow;
};

// Where the live weights of a sparse matrix lie, row by row: row r holds the weights [starts[r], starts[r + 1]), and
// weight p belongs to column columns[p]; these ascend within a row. In output-major order the rows are the outputs.
struct Rows {
  Indices columns;
  const std::int32_t* starts;  // [row_count + 1]
  std::int64_t row_count;
  std::int64_t column_count;
};

// The same weights in both orders: weight p of those by input is weight permutation[p] of those by output.
struct Orders {
  Rows by_output;
  Rows by_input;
  Indices permutation;
};

// Activations are [units, batch] with the batch contiguous.
struct Kernels {
  const char* instruction_set;

  // y[row] = bias[row] + the sum of values[p] * x[columns[p]] over the row's weights; where `relu`, at least 0.
  void (*product)(const Rows& rows, const float* values, const float* bias, bool relu, const float* x, float* y,
                  std::int64_t batch);

  // y[row] = the sum of values[permutation[p]] * x[columns[p]] over the row's weights.
  void (*permuted_product)(const Rows& rows, const float* values, Indices permutation, const float* x, float* y,
                           std::int64_t batch);

  // With g = dy where y > 0, else 0 (y null: g = dy): dvalues[p] = the inner product of g[row] and x[columns[p]],
  // dbias[row] = the sum of g[row]. Writes g, too, where it is not null. Padding is not written.
  void (*sampled_product)(const Rows& rows, const float* dy, const float* y, const float* x, float* dvalues,
                          float* dbias, float* g, std::int64_t batch);

  // The sampled product of rows of outputs, and dx, the permuted product of rows of inputs with g.
  void (*gradients)(const Orders& orders, const float* values, const float* dy, const float* y, const float* x,
                    float* dvalues, float* dbias, float* dx, std::int64_t batch);

  // bits[i] = what Threefry-2x32 makes of the counter (0, i) with a key of two words, its two words by exclusive or.
  void (*random_bits)(const std::uint32_t* key, std::uint32_t* bits, std::int64_t count);
};

// The kernels of the widest instruction set that this processor has; the environment variable SPARSERL_INSTRUCTION_SET
// (avx512, avx2, neon or portable) can lower the choice.
const Kernels& kernels();

// The kernels of every instruction set that this processor has, widest first; ends with a null pointer.
const Kernels* const* available_kernels();

}  // namespace sparserl
