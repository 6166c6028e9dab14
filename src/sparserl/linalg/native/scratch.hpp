// Working memory of the kernels that is kept from call to call, so that it stays in the caches.
#pragma once

#include <cstddef>

namespace sparserl {

// What it is for: memory for one purpose stays valid while another is asked for.
enum class Scratch { panel, cuts, values, sums };

// At least `bytes` bytes at the start of a page, the calling thread's own until it asks for the same purpose again.
// Throws std::bad_alloc.
void* scratch(Scratch purpose, std::size_t bytes);

// How much of the first-level data cache a panel of activations may fill: most of it, the rest passes through.
std::size_t panel_bytes();

// Where the way to the second-level cache is narrow, how large a panel still serves when it is half as large again as the
// first level; 0 elsewhere. Narrow it is on processors with first levels of 32 KB and less (AMD up to Zen 4).
std::size_t stretched_panel_bytes();

}  // namespace sparserl
