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

#include "product.hpp"
#include "random_bits.hpp"
#include "sampled_product.hpp"
#include "scratch.hpp"
#if defined(__AVX512F__)
#include "fused.hpp"
#endif

namespace sparserl {
namespace SPARSERL_ISA {
namespace {

void gradients(const Orders& orders, const float* values, const float* dy, const float* y, const float* x,
               float* dvalues, float* dbias, float* dx, std::int64_t batch) {
  const Rows& rows = orders.by_input;
#if defined(__AVX512F__)
  if (batch > 0 && batch % (kFused * kLanes) == 0) {
    return fused_gradients(orders, values, dy, y, x, dvalues, dbias, dx, batch);
  }
#endif
  auto* g = y ? static_cast<float*>(scratch(Scratch::sums, rows.column_count * batch * sizeof(float))) : nullptr;
  sampled_product(orders.by_output, dy, y, x, dvalues, dbias, g, batch);
  permuted_product(rows, values, orders.permutation, y ? g : dy, dx, batch);
}

}  // namespace

#define SPARSERL_NAME_OF(isa) #isa
#define SPARSERL_NAME(isa) SPARSERL_NAME_OF(isa)
extern const Kernels table;
const Kernels table = {SPARSERL_NAME(SPARSERL_ISA), product, permuted_product, sampled_product, gradients,
                       random_bits};

}  // namespace SPARSERL_ISA
}  // namespace sparserl
