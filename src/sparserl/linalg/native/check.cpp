// A stand-alone test, without JAX: compression, selection and every kernel of every instruction set that this processor
// has, against plain loops in double precision. Prints a line for each; a failure ends with status 1.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels.hpp"
#include "topology.hpp"

namespace {

using sparserl::Indices;
using sparserl::Kernels;
using sparserl::Rows;

constexpr float kUntouched = -12345.0f;  // what results hold before a kernel writes them
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

int failures = 0;

// Indices of either width, wrong ones until written, and allocated exactly, so that a sanitizer sees a step too far.
struct IndexArray {
  bool narrow;
  std::vector<std::uint16_t> short_indices;
  std::vector<std::int32_t> long_indices;

  IndexArray(std::int64_t size, bool narrow)
      : narrow(narrow), short_indices(narrow ? size : 0, 54321), long_indices(narrow ? 0 : size, 54321) {}
  void* data() { return narrow ? static_cast<void*>(short_indices.data()) : static_cast<void*>(long_indices.data()); }
  Indices read() { return {data(), narrow}; }
  sparserl::MutableIndices write() { return {data(), narrow}; }
  std::int64_t operator[](std::int64_t i) const { return narrow ? short_indices[i] : long_indices[i]; }
};

struct Case {
  std::int64_t in, out, batch, padding;
  double density;
  bool narrow, special;  // special: some activations and values are infinite or not a number

  std::string name() const {
    return std::to_string(in) + " x " + std::to_string(out) + ", batch " + std::to_string(batch) + ", density " +
           std::to_string(density) + (narrow ? ", 16-bit" : ", 32-bit") + (special ? ", special values" : "");
  }
};

void require(bool holds, const char* what, const Case& c) {
  if (holds) return;
  if (++failures <= 20) std::printf("failed: %s, %s\n", what, c.name().c_str());
}

struct Matrix {
  std::vector<char> mask;
  IndexArray inputs, outputs, permutation;
  std::vector<std::int32_t> output_starts, input_starts;
  std::vector<float> values;

  Matrix(const Case& c, std::int64_t capacity)
      : mask(c.in * c.out),
        inputs(capacity, c.narrow),
        outputs(capacity, c.narrow),
        permutation(capacity, c.narrow),
        output_starts(c.out + 1, -1),
        input_starts(c.in + 1, -1),
        values(capacity, kNan) {}
};

std::vector<float> random_floats(std::int64_t size, bool special, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> floats(size);
  for (float& value : floats) value = normal(random);
  for (std::int64_t i = 0; special && i < size; ++i) {
    if (random() % 64 == 0) floats[i] = random() % 2 ? kNan : (random() % 2 ? kInfinity : -kInfinity);
  }
  return floats;
}

// A random mask in which whole inputs and outputs have no live weight, compressed; checks the compression.
Matrix random_matrix(const Case& c, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform;
  std::vector<char> mask(c.in * c.out);
  for (std::int64_t o = 0; o < c.out; ++o) {
    const double density = c.density < 1 && random() % 8 == 0 ? 0 : c.density;
    for (std::int64_t i = 0; i < c.in; ++i) mask[i * c.out + o] = uniform(random) < density;
  }
  const std::int64_t live = std::count(mask.begin(), mask.end(), 1);
  Matrix matrix(c, live + c.padding);
  matrix.mask = mask;
  const bool* booleans = reinterpret_cast<const bool*>(matrix.mask.data());
  require(sparserl::count_live(booleans, c.in * c.out) == live, "count_live", c);
  sparserl::compress(booleans, c.in, c.out, live + c.padding,
                     {matrix.inputs.write(), matrix.output_starts.data(), matrix.outputs.write(),
                      matrix.input_starts.data(), matrix.permutation.write()});
  std::int64_t p = 0;
  for (std::int64_t o = 0; o < c.out; ++o) {
    require(matrix.output_starts[o] == p, "output_starts", c);
    for (std::int64_t i = 0; i < c.in; ++i) {
      if (mask[i * c.out + o]) require(matrix.inputs[p++] == i, "inputs", c);
    }
  }
  require(matrix.output_starts[c.out] == live, "the last output start", c);
  std::int64_t k = 0;
  for (std::int64_t i = 0; i < c.in; ++i) {
    require(matrix.input_starts[i] == k, "input_starts", c);
    for (std::int64_t o = 0; o < c.out; ++o) {
      if (!mask[i * c.out + o]) continue;
      const std::int64_t position = matrix.permutation[k];
      require(matrix.outputs[k] == o, "outputs", c);
      require(
          matrix.inputs[position] == i && position >= matrix.output_starts[o] && position < matrix.output_starts[o + 1],
          "permutation", c);
      ++k;
    }
  }
  require(matrix.input_starts[c.in] == live, "the last input start", c);
  for (std::int64_t q = live; q < live + c.padding; ++q) {
    require(matrix.inputs[q] == 0 && matrix.outputs[q] == 0 && matrix.permutation[q] == 0, "padding", c);
  }
  const std::vector<float> values = random_floats(live, c.special, random);
  std::copy(values.begin(), values.end(), matrix.values.begin());  // the padding stays not a number: nobody may read it
  return matrix;
}

// Equal as float sums of terms that add up to `magnitude`; not a number and infinities equal only themselves.
bool close(float actual, double expected, double magnitude) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::abs(actual - expected) <= 1e-5 * magnitude + 1e-30;
}

void check_product(const Kernels& kernels, const Case& c, Matrix& matrix, std::mt19937& random, bool relu) {
  const std::vector<float> x = random_floats(c.in * c.batch, c.special, random);
  const std::vector<float> bias = random_floats(c.out, c.special, random);
  std::vector<float> y(c.out * c.batch, kUntouched);
  kernels.product({matrix.inputs.read(), matrix.output_starts.data(), c.out, c.in}, matrix.values.data(), bias.data(),
                  relu, x.data(), y.data(), c.batch);
  for (std::int64_t o = 0; o < c.out; ++o) {
    for (std::int64_t b = 0; b < c.batch; ++b) {
      double sum = bias[o], magnitude = std::abs(sum);
      for (std::int32_t p = matrix.output_starts[o]; p < matrix.output_starts[o + 1]; ++p) {
        const double term = static_cast<double>(matrix.values[p]) * x[matrix.inputs[p] * c.batch + b];
        sum += term;
        magnitude += std::abs(term);
      }
      if (relu && sum < 0) sum = 0;
      require(close(y[o * c.batch + b], sum, magnitude), "product", c);
    }
  }
}

// With few weights in a row a sum is taken weight by weight, whether the activations are read block by block, as where
// the way to the second-level cache is narrow, or not: the numbers are the same to the last bit.
void check_order(const Kernels& kernels) {
  const std::string name = kernels.instruction_set;
  if (name != "avx512" && name != "avx2") return;  // others need not multiply and add in one
  std::mt19937 random(13);
  const Case c{720, 720, 128 + 3, 0, name == "avx512" ? 0.065 : 0.045, true, false};
  Matrix matrix = random_matrix(c, random);
  const std::vector<float> x = random_floats(c.in * c.batch, false, random);
  const std::vector<float> bias = random_floats(c.out, false, random);
  std::vector<float> y(c.out * c.batch, kUntouched);
  kernels.product({matrix.inputs.read(), matrix.output_starts.data(), c.out, c.in}, matrix.values.data(), bias.data(),
                  false, x.data(), y.data(), c.batch);
  for (std::int64_t o = 0; o < c.out; ++o) {
    for (std::int64_t b = 0; b < 128; ++b) {
      float sum = bias[o];
      for (std::int32_t p = matrix.output_starts[o]; p < matrix.output_starts[o + 1]; ++p) {
        sum = std::fma(matrix.values[p], x[matrix.inputs[p] * c.batch + b], sum);
      }
      require(y[o * c.batch + b] == sum, "the order of a sum", c);
    }
  }
}

// The gradients of weights and biases, inner products and sums of g.
void check_weight_gradients(const Case& c, Matrix& matrix, const std::vector<float>& expected_g,
                            const std::vector<float>& x, const std::vector<float>& dvalues,
                            const std::vector<float>& dbias) {
  for (std::int64_t o = 0; o < c.out; ++o) {
    double sum = 0, magnitude = 0;
    for (std::int64_t b = 0; b < c.batch; ++b) {
      sum += expected_g[o * c.batch + b];
      magnitude += std::abs(expected_g[o * c.batch + b]);
    }
    require(close(dbias[o], sum, magnitude), "dbias", c);
    for (std::int32_t p = matrix.output_starts[o]; p < matrix.output_starts[o + 1]; ++p) {
      double inner = 0, size = 0;
      for (std::int64_t b = 0; b < c.batch; ++b) {
        const double term = static_cast<double>(expected_g[o * c.batch + b]) * x[matrix.inputs[p] * c.batch + b];
        inner += term;
        size += std::abs(term);
      }
      require(close(dvalues[p], inner, size), "dvalues", c);
    }
  }
  for (std::size_t p = matrix.output_starts[c.out]; p < dvalues.size(); ++p) {
    require(dvalues[p] == kUntouched, "the padding of dvalues", c);
  }
}

// All gradients at once, the sampled product with and without g, and the permuted product alone.
void check_gradients(const Kernels& kernels, const Case& c, Matrix& matrix, std::mt19937& random, bool relu) {
  const std::vector<float> x = random_floats(c.in * c.batch, c.special, random);
  const std::vector<float> y = random_floats(c.out * c.batch, c.special, random);
  const std::vector<float> dy = random_floats(c.out * c.batch, c.special, random);
  std::vector<float> expected_g = dy;
  for (std::size_t i = 0; relu && i < dy.size(); ++i) expected_g[i] = y[i] > 0 ? dy[i] : 0;
  const float* above = relu ? y.data() : nullptr;
  const Rows by_output{matrix.inputs.read(), matrix.output_starts.data(), c.out, c.in};
  const Rows by_input{matrix.outputs.read(), matrix.input_starts.data(), c.in, c.out};

  std::vector<float> g(dy.size(), kUntouched), dvalues(matrix.values.size(), kUntouched), dbias(c.out, kUntouched);
  for (const bool keep : {false, true}) {
    std::fill(dvalues.begin(), dvalues.end(), kUntouched);
    kernels.sampled_product(by_output, dy.data(), above, x.data(), dvalues.data(), dbias.data(),
                            keep ? g.data() : nullptr, c.batch);
    check_weight_gradients(c, matrix, expected_g, x, dvalues, dbias);
    for (std::size_t i = 0; i < g.size(); ++i) {
      require(keep ? close(g[i], expected_g[i], 0) : g[i] == kUntouched, "g of the sampled product", c);
    }
  }

  std::vector<float> dx(c.in * c.batch, kUntouched), dx_alone(c.in * c.batch, kUntouched);
  std::fill(dvalues.begin(), dvalues.end(), kUntouched);
  kernels.gradients({by_output, by_input, matrix.permutation.read()}, matrix.values.data(), dy.data(), above, x.data(),
                    dvalues.data(), dbias.data(), dx.data(), c.batch);
  check_weight_gradients(c, matrix, expected_g, x, dvalues, dbias);
  kernels.permuted_product(by_input, matrix.values.data(), matrix.permutation.read(), expected_g.data(),
                           dx_alone.data(), c.batch);
  for (std::int64_t i = 0; i < c.in; ++i) {
    for (std::int64_t b = 0; b < c.batch; ++b) {
      double sum = 0, magnitude = 0;
      for (std::int32_t k = matrix.input_starts[i]; k < matrix.input_starts[i + 1]; ++k) {
        const double term =
            static_cast<double>(matrix.values[matrix.permutation[k]]) * expected_g[matrix.outputs[k] * c.batch + b];
        sum += term;
        magnitude += std::abs(term);
      }
      require(close(dx[i * c.batch + b], sum, magnitude), "dx", c);
      require(close(dx_alone[i * c.batch + b], sum, magnitude), "permuted product", c);
    }
  }
}

void check_kernels(const Kernels& kernels, const Case& c, std::mt19937& random) {
  Matrix matrix = random_matrix(c, random);
  for (const bool relu : {false, true}) {
    check_product(kernels, c, matrix, random, relu);
    check_gradients(kernels, c, matrix, random, relu);
  }
}

// Every batch size up to 70 and some beyond; shapes from empty to several blocks of the first-level cache; sparse to
// all live; every row's weights in one block as well as in several.
void check_instruction_set(const Kernels& kernels) {
  std::mt19937 random(7);
  const int before = failures;
  int cases = 0;
  const auto check = [&](std::int64_t in, std::int64_t out, std::int64_t batch, double density) {
    const bool narrow = random() % 2;
    const auto padding = static_cast<std::int64_t>(random() % 3 * 5);
    check_kernels(kernels, {in, out, batch, padding, density, narrow, random() % 4 == 0}, random);
    ++cases;
  };
  for (std::int64_t batch = 0; batch <= 70; ++batch) {
    for (const double density : {0.0, 0.05, 0.3, 1.0}) check(random() % 40, random() % 40, batch, density);
  }
  for (const std::int64_t batch : {1, 3, 16, 100, 127, 128, 129, 200, 256, 300, 384}) {
    for (const double density : {0.01, 0.1, 0.5}) check(64 + random() % 200, 64 + random() % 100, batch, density);
  }
  for (const std::int64_t batch : {1, 7, 64, 128, 131}) {
    check(6, 512, batch, 1.0);
    check(512, 3, batch, 0.8);
    check(17, 256, batch, 0.5);
    check(0, 5, batch, 1.0);
    check(5, 0, batch, 1.0);
    check(600, 0, batch, 1.0);
    check(1, 1, batch, 1.0);
    check(600, 70, batch, 0.2);
    check(70, 600, batch, 0.4);
    check(1500, 20, batch, 0.3);
  }
  check_order(kernels);
  std::printf("%s: %d cases, %s\n", kernels.instruction_set, cases, failures == before ? "all right" : "FAILED");
}

void check_select() {
  std::mt19937 random(11);
  const int before = failures;
  for (int repetition = 0; repetition < 300; ++repetition) {
    const std::int64_t size = random() % 500;
    const std::uint32_t range[] = {1, 4, 5000, 0xffffffffu};
    const std::uint32_t most = range[repetition % 4];
    std::vector<std::uint32_t> ranks(size);
    for (auto& rank : ranks) rank = most == 0xffffffffu ? random() | (random() % 8 == 0 ? most : 0) : random() % most;
    const std::int64_t count = static_cast<std::int64_t>(random() % (size + 20)) - 10;
    std::vector<std::int64_t> order(size);
    for (std::int64_t i = 0; i < size; ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return ranks[a] > ranks[b]; });
    std::vector<char> expected(size, 0), mask(size, 2);
    for (std::int64_t i = 0; i < std::min(count, size); ++i) expected[order[i]] = 1;
    sparserl::select(ranks.data(), size, count, reinterpret_cast<bool*>(mask.data()));
    if (mask == expected) continue;
    ++failures;
    std::printf("failed: select %d of %d\n", static_cast<int>(count), static_cast<int>(size));
  }
  std::printf("select: 300 cases, %s\n", failures == before ? "all right" : "FAILED");
}

}  // namespace

// The published answers of Threefry-2x32 with 20 rounds, and each number of draws: none but those asked for is written.
void check_random_bits(const Kernels& kernels) {
  const std::uint32_t nothing[2] = {0, 0};
  std::vector<std::uint32_t> all(300), some(300);
  kernels.random_bits(nothing, all.data(), 300);
  if (all[0] != (0x6b200159u ^ 0x99ba4efeu)) ++failures, std::printf("failed: the answer to key 0 and counter 0\n");
  for (std::int64_t count = 0; count <= 300; ++count) {
    std::fill(some.begin(), some.end(), 7u);
    kernels.random_bits(nothing, some.data(), count);
    for (std::int64_t i = 0; i < 300; ++i) {
      if (some[i] != (i < count ? all[i] : 7u)) ++failures;
    }
  }
  std::printf("random bits %s: %d failures so far\n", kernels.instruction_set, failures);
}

int main() {
  for (const Kernels* const* table = sparserl::available_kernels(); *table; ++table) check_instruction_set(**table);
  check_select();
  for (const Kernels* const* table = sparserl::available_kernels(); *table; ++table) check_random_bits(**table);
  return failures == 0 ? 0 : 1;
}
