// Working memory of the kernels: four blocks per thread that only grow.
#include "scratch.hpp"

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace sparserl {
namespace {

constexpr std::size_t kPage = 4096;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

struct Block {
  std::unique_ptr<void, Free> memory;
  std::size_t bytes = 0;
};

thread_local Block blocks[4];

// Exactly as much as is asked for, so that a sanitizer sees a step too far; something even where that is nothing.
void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, kPage, bytes > 0 ? bytes : 1) != 0) throw std::bad_alloc();
  return memory;
}

std::size_t first_level_cache_bytes() {
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  const long bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE);
  if (bytes > 0) return static_cast<std::size_t>(bytes);
#endif
  return 32 * 1024;
}

}  // namespace

void* scratch(Scratch purpose, std::size_t bytes) {
  Block& block = blocks[static_cast<int>(purpose)];
  if (bytes > block.bytes || !block.memory) {
    block = Block{};
    block.memory.reset(allocate(bytes));
    block.bytes = bytes;
  }
  return block.memory.get();
}

std::size_t stretched_panel_bytes() {
  static const std::size_t first = first_level_cache_bytes();
  static const std::size_t bytes = first <= 32 * 1024 ? first / 2 * 3 : 0;
  return bytes;
}

std::size_t panel_bytes() {
  static const std::size_t bytes = first_level_cache_bytes() / 12 * 11;
  return bytes;
}

}  // namespace sparserl
