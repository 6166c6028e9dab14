// Which kernels run: the widest instruction set that the processor has and the user allows.
#include <cstdlib>
#include <cstring>

#include "kernels.hpp"

namespace sparserl {

#if defined(__x86_64__)
namespace avx512 {
extern const Kernels table;
}
namespace avx2 {
extern const Kernels table;
}
#elif defined(__aarch64__)
namespace neon {
extern const Kernels table;
}
#endif
namespace portable {
extern const Kernels table;
}

namespace {

constexpr int kMostTables = 4;  // three and the null pointer at the end

struct Available {
  const Kernels* tables[kMostTables] = {};

  Available() {
    const Kernels** next = tables;
#if defined(__x86_64__)
    // The features that kernels.cpp is compiled with, one by one: a processor may have some and not others.
    __builtin_cpu_init();
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                          __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (has_avx2 && has_avx512) *next++ = &avx512::table;
    if (has_avx2) *next++ = &avx2::table;
#elif defined(__aarch64__)
    *next++ = &neon::table;
#endif
    *next++ = &portable::table;
  }
};

// A name that this processor does not have changes nothing: the variable lowers the choice and never raises it.
const Kernels& choose() {
  const Kernels* const* tables = available_kernels();
  const char* wanted = std::getenv("SPARSERL_INSTRUCTION_SET");
  for (const Kernels* const* table = tables; wanted && *table; ++table) {
    if (std::strcmp((*table)->instruction_set, wanted) == 0) return **table;
  }
  return **tables;
}

}  // namespace

const Kernels* const* available_kernels() {
  static const Available available;
  return available.tables;
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace sparserl

extern "C" __attribute__((visibility("default"))) const char* sparserl_instruction_set() {
  return sparserl::kernels().instruction_set;
}
