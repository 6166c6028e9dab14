// Which version of XLA's foreign function interface the handlers speak.
#include <cstdint>

#include "xla/ffi/api/c_api.h"

// Asked before the handlers are registered: XLA refuses to start at all with a handler that is newer than itself.
extern "C" __attribute__((visibility("default"))) std::int32_t sparserl_interface(std::int32_t part) {
  return part == 0 ? XLA_FFI_API_MAJOR : XLA_FFI_API_MINOR;
}
