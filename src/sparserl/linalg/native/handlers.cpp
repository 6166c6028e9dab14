// The kernels as XLA FFI targets: checks of ranks and sizes, a loop over leading batch dimensions, nothing else.
#include <cstdint>
#include <initializer_list>
#include <new>
#include <string>

#include "kernels.hpp"
#include "topology.hpp"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace sparserl {
namespace {

using Any = ffi::AnyBuffer;
using Float = ffi::Buffer<ffi::F32>;
using Starts = ffi::Buffer<ffi::S32>;
using Count = ffi::Buffer<ffi::S32>;
using Rank = ffi::Buffer<ffi::U32>;
using Words = ffi::Buffer<ffi::U32>;
using Mask = ffi::Buffer<ffi::PRED>;
template <typename Buffer>
using Result = ffi::Result<Buffer>;

constexpr std::int64_t kNarrowIndices = 65536;
constexpr std::int64_t kCounters = std::int64_t{1} << 32;

std::string text(ffi::Span<const std::int64_t> sizes) {
  std::string joined;
  for (const std::int64_t size : sizes) joined += (joined.empty() ? "" : ", ") + std::to_string(size);
  return "[" + joined + "]";
}

// An argument or result: leading batch dimensions, each 1 or the call's, then `rank` sizes of its own.
class Operand {
 public:
  template <typename Buffer>
  Operand(const char* name, const Buffer& buffer, std::size_t rank)
      : name_(name),
        sizes_(buffer.dimensions()),
        type_(buffer.element_type()),
        data_(buffer.untyped_data()),
        rank_(rank) {}

  const char* name() const { return name_; }
  ffi::Span<const std::int64_t> sizes() const { return sizes_; }
  ffi::DataType type() const { return type_; }
  std::size_t rank() const { return rank_; }
  bool has_rank() const { return sizes_.size() >= rank_; }
  ffi::Span<const std::int64_t> lead() const { return sizes_.first(sizes_.size() - rank_); }
  std::int64_t size(std::size_t axis) const { return sizes_[sizes_.size() - rank_ + axis]; }

  // The part that belongs to the `index`-th element of the call's leading dimensions.
  template <typename T>
  T* at(ffi::Span<const std::int64_t> lead, std::int64_t index) const {
    return reinterpret_cast<T*>(static_cast<char*>(data_) + offset(lead, index) * ffi::ByteWidth(type_));
  }
  Indices indices(ffi::Span<const std::int64_t> lead, std::int64_t index) const {
    return {at<const void>(lead, index), type_ == ffi::U16};
  }
  MutableIndices mutable_indices(ffi::Span<const std::int64_t> lead, std::int64_t index) const {
    return {at<void>(lead, index), type_ == ffi::U16};
  }

 private:
  std::int64_t offset(ffi::Span<const std::int64_t> lead, std::int64_t index) const {
    if (lead.size() == 0) return 0;
    std::int64_t stride = 1;
    for (std::size_t axis = 0; axis < rank_; ++axis) stride *= size(axis);
    std::int64_t offset = 0;
    for (std::size_t axis = lead.size(); axis-- > 0;) {
      if (sizes_[axis] != 1) offset += index % lead[axis] * stride;
      stride *= sizes_[axis];
      index /= lead[axis];
    }
    return offset;
  }

  const char* name_;
  ffi::Span<const std::int64_t> sizes_;
  ffi::DataType type_;
  void* data_;
  std::size_t rank_;
};

// What is wrong with a call: the first complaint counts.
class Checks {
 public:
  Checks(const char* target, ffi::Span<const std::int64_t> lead) : target_(target), lead_(lead) {}

  bool failed() const { return !message_.empty(); }
  ffi::Error error() const { return ffi::Error::InvalidArgument(message_); }

  void fail(const std::string& complaint) {
    if (message_.empty()) message_ = std::string(target_) + ": " + complaint;
  }

  void shape(const Operand& operand, std::initializer_list<std::int64_t> sizes) {
    bool fits = operand.has_rank() && operand.lead().size() == lead_.size();
    for (std::size_t axis = 0; fits && axis < lead_.size(); ++axis) {
      fits = operand.lead()[axis] == 1 || operand.lead()[axis] == lead_[axis];
    }
    for (std::size_t axis = 0; fits && axis < sizes.size(); ++axis) fits = operand.size(axis) == sizes.begin()[axis];
    if (fits) return;
    std::string expected = text({sizes.begin(), sizes.size()});
    if (lead_.size() > 0) expected += " behind leading dimensions of 1 or " + text(lead_);
    fail(std::string(operand.name()) + " has shape " + text(operand.sizes()) + ", expected " + expected);
  }

  void result_shape(const Operand& operand, std::initializer_list<std::int64_t> sizes) {
    shape(operand, sizes);
    for (std::size_t axis = 0; !failed() && axis < lead_.size(); ++axis) {
      if (operand.lead()[axis] != lead_[axis]) {
        fail(std::string("result ") + operand.name() + " has shape " + text(operand.sizes()) +
             ", expected the leading dimensions " + text(lead_));
      }
    }
  }

  // The rows' starts in the weights, which must not leave them. It costs little beside a product, where to look at every
  // index would not: layouts that come from files are checked before they get here (layout.py).
  bool rising(const Operand& operand, const Rows& rows, std::int64_t capacity) {
    bool rising = rows.starts[0] == 0 && rows.starts[rows.row_count] <= capacity;
    for (std::int64_t row = 0; row < rows.row_count; ++row) rising &= rows.starts[row] <= rows.starts[row + 1];
    if (!rising) fail(std::string(operand.name()) + " must rise from 0 to at most " + std::to_string(capacity));
    return rising;
  }

  // Indices below `limit`: 16-bit ones must be able to say them all.
  void indices(const Operand& operand, std::int64_t capacity, std::int64_t limit) {
    shape(operand, {capacity});
    if (operand.type() != ffi::U16 && operand.type() != ffi::S32) {
      fail(std::string(operand.name()) + " must be of type uint16 or int32");
    }
    if (operand.type() == ffi::U16 && limit > kNarrowIndices) {
      fail(std::string("16-bit ") + operand.name() + " cannot tell " + std::to_string(limit) + " apart");
    }
  }

 private:
  const char* target_;
  ffi::Span<const std::int64_t> lead_;
  std::string message_;
};

// Sizes are read before shapes are checked: too few dimensions are refused first.
ffi::Error too_few_dimensions(const char* target, std::initializer_list<const Operand*> operands) {
  for (const Operand* operand : operands) {
    if (operand->has_rank()) continue;
    return ffi::Error::InvalidArgument(std::string(target) + ": " + operand->name() + " has shape " +
                                       text(operand->sizes()) + ", expected at least " +
                                       std::to_string(operand->rank()) + " dimensions");
  }
  return ffi::Error::Success();
}

// Runs `body(index)` for every element of the leading dimensions, up to the first complaint.
template <typename Body>
ffi::Error for_each(const Checks& checks, ffi::Span<const std::int64_t> lead, Body body) {
  std::int64_t count = 1;
  for (const std::int64_t size : lead) count *= size;
  try {
    for (std::int64_t index = 0; index < count && !checks.failed(); ++index) body(index);
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "sparserl: no memory left for a kernel's working space");
  }
  return checks.failed() ? checks.error() : ffi::Error::Success();
}

ffi::Error product(Float values_buffer, Any inputs_buffer, Starts output_starts_buffer, Float bias_buffer,
                   Float x_buffer, Result<Float> y_buffer, bool relu) {
  const char* target = "sparserl_product";
  const Operand values{"values", values_buffer, 1};
  const Operand inputs{"inputs", inputs_buffer, 1};
  const Operand starts{"output_starts", output_starts_buffer, 1};
  const Operand bias{"bias", bias_buffer, 1};
  const Operand x{"x", x_buffer, 2};
  const Operand y{"y", *y_buffer, 2};
  if (auto error = too_few_dimensions(target, {&values, &x, &y}); error.failure()) return error;
  const std::int64_t capacity = values.size(0), in = x.size(0), out = y.size(0), batch = y.size(1);
  const auto lead = y.lead();
  Checks checks(target, lead);
  checks.shape(values, {capacity});
  checks.indices(inputs, capacity, in);
  checks.shape(starts, {out + 1});
  checks.shape(bias, {out});
  checks.shape(x, {in, batch});
  if (checks.failed()) return checks.error();
  return for_each(checks, lead, [&](std::int64_t i) {
    const Rows rows{inputs.indices(lead, i), starts.at<std::int32_t>(lead, i), out, in};
    if (!checks.rising(starts, rows, capacity)) return;
    kernels().product(rows, values.at<float>(lead, i), bias.at<float>(lead, i), relu, x.at<float>(lead, i),
                      y.at<float>(lead, i), batch);
  });
}

ffi::Error transposed_product(Float values_buffer, Any outputs_buffer, Starts input_starts_buffer,
                              Any permutation_buffer, Float g_buffer, Result<Float> dx_buffer) {
  const char* target = "sparserl_transposed_product";
  const Operand values{"values", values_buffer, 1};
  const Operand outputs{"outputs", outputs_buffer, 1};
  const Operand starts{"input_starts", input_starts_buffer, 1};
  const Operand permutation{"permutation", permutation_buffer, 1};
  const Operand g{"g", g_buffer, 2};
  const Operand dx{"dx", *dx_buffer, 2};
  if (auto error = too_few_dimensions(target, {&values, &g, &dx}); error.failure()) return error;
  const std::int64_t capacity = values.size(0), out = g.size(0), in = dx.size(0), batch = dx.size(1);
  const auto lead = dx.lead();
  Checks checks(target, lead);
  checks.shape(values, {capacity});
  checks.indices(outputs, capacity, out);
  checks.shape(starts, {in + 1});
  checks.indices(permutation, capacity, capacity);
  checks.shape(g, {out, batch});
  if (checks.failed()) return checks.error();
  return for_each(checks, lead, [&](std::int64_t i) {
    const Rows rows{outputs.indices(lead, i), starts.at<std::int32_t>(lead, i), in, out};
    if (!checks.rising(starts, rows, capacity)) return;
    kernels().permuted_product(rows, values.at<float>(lead, i), permutation.indices(lead, i), g.at<float>(lead, i),
                               dx.at<float>(lead, i), batch);
  });
}

// Padding behind the live weights gets no gradient.
void clear_padding(float* dvalues, const Rows& rows, std::int64_t capacity) {
  for (std::int64_t p = rows.starts[rows.row_count]; p < capacity; ++p) dvalues[p] = 0;
}

// Where y is given, dy counts only where it is above 0; where it is not wanted, any array of its shape stands for it.
ffi::Error sampled_product(Any inputs_buffer, Starts output_starts_buffer, Float dy_buffer, Float y_buffer,
                           Float x_buffer, Result<Float> dvalues_buffer, Result<Float> dbias_buffer, bool relu) {
  const char* target = "sparserl_sampled_product";
  const Operand inputs{"inputs", inputs_buffer, 1};
  const Operand starts{"output_starts", output_starts_buffer, 1};
  const Operand dy{"dy", dy_buffer, 2};
  const Operand y{"y", y_buffer, 2};
  const Operand x{"x", x_buffer, 2};
  const Operand dvalues{"dvalues", *dvalues_buffer, 1};
  const Operand dbias{"dbias", *dbias_buffer, 1};
  if (auto error = too_few_dimensions(target, {&dy, &x, &dvalues}); error.failure()) return error;
  const std::int64_t capacity = dvalues.size(0), in = x.size(0), out = dy.size(0), batch = dy.size(1);
  const auto lead = dvalues.lead();
  Checks checks(target, lead);
  checks.indices(inputs, capacity, in);
  checks.shape(starts, {out + 1});
  checks.shape(dy, {out, batch});
  checks.shape(y, {out, batch});
  checks.shape(x, {in, batch});
  checks.result_shape(dbias, {out});
  if (checks.failed()) return checks.error();
  return for_each(checks, lead, [&](std::int64_t i) {
    const Rows rows{inputs.indices(lead, i), starts.at<std::int32_t>(lead, i), out, in};
    if (!checks.rising(starts, rows, capacity)) return;
    kernels().sampled_product(rows, dy.at<float>(lead, i), relu ? y.at<float>(lead, i) : nullptr,
                              x.at<float>(lead, i), dvalues.at<float>(lead, i), dbias.at<float>(lead, i), nullptr,
                              batch);
    clear_padding(dvalues.at<float>(lead, i), rows, capacity);
  });
}

ffi::Error gradients(Float values_buffer, Any inputs_buffer, Starts output_starts_buffer, Any outputs_buffer,
                     Starts input_starts_buffer, Any permutation_buffer, Float dy_buffer, Float y_buffer,
                     Float x_buffer, Result<Float> dvalues_buffer, Result<Float> dbias_buffer,
                     Result<Float> dx_buffer, bool relu) {
  const char* target = "sparserl_gradients";
  const Operand values{"values", values_buffer, 1};
  const Operand inputs{"inputs", inputs_buffer, 1};
  const Operand output_starts{"output_starts", output_starts_buffer, 1};
  const Operand outputs{"outputs", outputs_buffer, 1};
  const Operand input_starts{"input_starts", input_starts_buffer, 1};
  const Operand permutation{"permutation", permutation_buffer, 1};
  const Operand dy{"dy", dy_buffer, 2};
  const Operand y{"y", y_buffer, 2};
  const Operand x{"x", x_buffer, 2};
  const Operand dvalues{"dvalues", *dvalues_buffer, 1};
  const Operand dbias{"dbias", *dbias_buffer, 1};
  const Operand dx{"dx", *dx_buffer, 2};
  if (auto error = too_few_dimensions(target, {&values, &dy, &dx}); error.failure()) return error;
  const std::int64_t capacity = values.size(0), in = dx.size(0), out = dy.size(0), batch = dy.size(1);
  const auto lead = dx.lead();
  Checks checks(target, lead);
  checks.shape(values, {capacity});
  checks.indices(inputs, capacity, in);
  checks.shape(output_starts, {out + 1});
  checks.indices(outputs, capacity, out);
  checks.shape(input_starts, {in + 1});
  checks.indices(permutation, capacity, capacity);
  checks.shape(dy, {out, batch});
  checks.shape(y, {out, batch});
  checks.shape(x, {in, batch});
  checks.result_shape(dvalues, {capacity});
  checks.result_shape(dbias, {out});
  checks.result_shape(dx, {in, batch});
  if (checks.failed()) return checks.error();
  return for_each(checks, lead, [&](std::int64_t i) {
    const Orders orders{{inputs.indices(lead, i), output_starts.at<std::int32_t>(lead, i), out, in},
                        {outputs.indices(lead, i), input_starts.at<std::int32_t>(lead, i), in, out},
                        permutation.indices(lead, i)};
    if (!checks.rising(output_starts, orders.by_output, capacity)) return;
    if (!checks.rising(input_starts, orders.by_input, capacity)) return;
    kernels().gradients(orders, values.at<float>(lead, i), dy.at<float>(lead, i),
                        relu ? y.at<float>(lead, i) : nullptr, x.at<float>(lead, i), dvalues.at<float>(lead, i),
                        dbias.at<float>(lead, i), dx.at<float>(lead, i), batch);
    clear_padding(dvalues.at<float>(lead, i), orders.by_output, capacity);
  });
}

ffi::Error compress_mask(Mask mask_buffer, Result<Any> inputs_buffer, Result<Starts> output_starts_buffer,
                         Result<Any> outputs_buffer, Result<Starts> input_starts_buffer,
                         Result<Any> permutation_buffer) {
  const char* target = "sparserl_compress";
  const Operand mask{"mask", mask_buffer, 2};
  const Operand inputs{"inputs", *inputs_buffer, 1};
  const Operand outputs{"outputs", *outputs_buffer, 1};
  const Operand output_starts{"output_starts", *output_starts_buffer, 1};
  const Operand input_starts{"input_starts", *input_starts_buffer, 1};
  const Operand permutation{"permutation", *permutation_buffer, 1};
  if (auto error = too_few_dimensions(target, {&mask, &inputs}); error.failure()) return error;
  const std::int64_t capacity = inputs.size(0), in = mask.size(0), out = mask.size(1);
  const auto lead = inputs.lead();
  Checks checks(target, lead);
  checks.shape(mask, {in, out});
  checks.indices(inputs, capacity, in);
  checks.indices(outputs, capacity, out);
  checks.indices(permutation, capacity, capacity);
  checks.result_shape(outputs, {capacity});
  checks.result_shape(permutation, {capacity});
  checks.result_shape(output_starts, {out + 1});
  checks.result_shape(input_starts, {in + 1});
  if (checks.failed()) return checks.error();
  return for_each(checks, lead, [&](std::int64_t i) {
    const std::int64_t live = count_live(mask.at<bool>(lead, i), in * out);
    if (live > capacity) {
      checks.fail("the mask has " + std::to_string(live) + " live weights, the capacity is " +
                  std::to_string(capacity));
      return;
    }
    compress(
        mask.at<bool>(lead, i), in, out, capacity,
        {inputs.mutable_indices(lead, i), output_starts.at<std::int32_t>(lead, i), outputs.mutable_indices(lead, i),
         input_starts.at<std::int32_t>(lead, i), permutation.mutable_indices(lead, i)});
  });
}

ffi::Error select_highest(Rank ranks_buffer, Count count_buffer, Result<Mask> mask_buffer) {
  const char* target = "sparserl_select";
  const Operand ranks{"ranks", ranks_buffer, 1};
  const Operand count{"k", count_buffer, 0};
  const Operand mask{"mask", *mask_buffer, 1};
  if (auto error = too_few_dimensions(target, {&mask}); error.failure()) return error;
  const std::int64_t size = mask.size(0);
  const auto lead = mask.lead();
  Checks checks(target, lead);
  checks.shape(ranks, {size});
  checks.shape(count, {});
  if (checks.failed()) return checks.error();
  return for_each(checks, lead, [&](std::int64_t i) {
    select(ranks.at<std::uint32_t>(lead, i), size, *count.at<std::int32_t>(lead, i), mask.at<bool>(lead, i));
  });
}

ffi::Error random_bits(Words key_buffer, Result<Words> bits_buffer) {
  const char* target = "sparserl_random_bits";
  const Operand key{"key", key_buffer, 1};
  const Operand bits{"bits", *bits_buffer, 1};
  if (auto error = too_few_dimensions(target, {&bits}); error.failure()) return error;
  const std::int64_t count = bits.size(0);
  const auto lead = bits.lead();
  Checks checks(target, lead);
  checks.shape(key, {2});
  if (count > kCounters) checks.fail("more than 4294967296 bits of one key");
  if (checks.failed()) return checks.error();
  return for_each(checks, lead, [&](std::int64_t i) {
    kernels().random_bits(key.at<std::uint32_t>(lead, i), bits.at<std::uint32_t>(lead, i), count);
  });
}

}  // namespace
}  // namespace sparserl

// What the shared library exports; everything else in it is hidden.
#define SPARSERL_EXPORT extern "C" __attribute__((visibility("default")))
SPARSERL_EXPORT XLA_FFI_Error* sparserl_product(XLA_FFI_CallFrame*);
SPARSERL_EXPORT XLA_FFI_Error* sparserl_transposed_product(XLA_FFI_CallFrame*);
SPARSERL_EXPORT XLA_FFI_Error* sparserl_sampled_product(XLA_FFI_CallFrame*);
SPARSERL_EXPORT XLA_FFI_Error* sparserl_gradients(XLA_FFI_CallFrame*);
SPARSERL_EXPORT XLA_FFI_Error* sparserl_compress(XLA_FFI_CallFrame*);
SPARSERL_EXPORT XLA_FFI_Error* sparserl_select(XLA_FFI_CallFrame*);
SPARSERL_EXPORT XLA_FFI_Error* sparserl_random_bits(XLA_FFI_CallFrame*);

XLA_FFI_DEFINE_HANDLER_SYMBOL(sparserl_product, sparserl::product,
                              ffi::Ffi::Bind()
                                  .Arg<sparserl::Float>()   // values
                                  .Arg<sparserl::Any>()     // inputs
                                  .Arg<sparserl::Starts>()  // output_starts
                                  .Arg<sparserl::Float>()   // bias
                                  .Arg<sparserl::Float>()   // x
                                  .Ret<sparserl::Float>()   // y
                                  .Attr<bool>("relu"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(sparserl_transposed_product, sparserl::transposed_product,
                              ffi::Ffi::Bind()
                                  .Arg<sparserl::Float>()    // values
                                  .Arg<sparserl::Any>()      // outputs
                                  .Arg<sparserl::Starts>()   // input_starts
                                  .Arg<sparserl::Any>()      // permutation
                                  .Arg<sparserl::Float>()    // g
                                  .Ret<sparserl::Float>());  // dx

XLA_FFI_DEFINE_HANDLER_SYMBOL(sparserl_sampled_product, sparserl::sampled_product,
                              ffi::Ffi::Bind()
                                  .Arg<sparserl::Any>()     // inputs
                                  .Arg<sparserl::Starts>()  // output_starts
                                  .Arg<sparserl::Float>()   // dy
                                  .Arg<sparserl::Float>()   // y
                                  .Arg<sparserl::Float>()   // x
                                  .Ret<sparserl::Float>()   // dvalues
                                  .Ret<sparserl::Float>()   // dbias
                                  .Attr<bool>("relu"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(sparserl_gradients, sparserl::gradients,
                              ffi::Ffi::Bind()
                                  .Arg<sparserl::Float>()   // values
                                  .Arg<sparserl::Any>()     // inputs
                                  .Arg<sparserl::Starts>()  // output_starts
                                  .Arg<sparserl::Any>()     // outputs
                                  .Arg<sparserl::Starts>()  // input_starts
                                  .Arg<sparserl::Any>()     // permutation
                                  .Arg<sparserl::Float>()   // dy
                                  .Arg<sparserl::Float>()   // y
                                  .Arg<sparserl::Float>()   // x
                                  .Ret<sparserl::Float>()   // dvalues
                                  .Ret<sparserl::Float>()   // dbias
                                  .Ret<sparserl::Float>()   // dx
                                  .Attr<bool>("relu"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(sparserl_compress, sparserl::compress_mask,
                              ffi::Ffi::Bind()
                                  .Arg<sparserl::Mask>()    // mask
                                  .Ret<sparserl::Any>()     // inputs
                                  .Ret<sparserl::Starts>()  // output_starts
                                  .Ret<sparserl::Any>()     // outputs
                                  .Ret<sparserl::Starts>()  // input_starts
                                  .Ret<sparserl::Any>());   // permutation

XLA_FFI_DEFINE_HANDLER_SYMBOL(sparserl_select, sparserl::select_highest,
                              ffi::Ffi::Bind()
                                  .Arg<sparserl::Rank>()    // ranks
                                  .Arg<sparserl::Count>()   // k
                                  .Ret<sparserl::Mask>());  // mask

XLA_FFI_DEFINE_HANDLER_SYMBOL(sparserl_random_bits, sparserl::random_bits,
                              ffi::Ffi::Bind()
                                  .Arg<sparserl::Words>()    // key
                                  .Ret<sparserl::Words>());  // bits
