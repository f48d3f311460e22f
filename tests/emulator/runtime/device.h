// What compiled kernels use of the runtime: their place in the grid, and all that threads wait for.
#pragma once

#include <cstddef>
#include <cstdint>

struct uint3 {
    unsigned x, y, z;
};

extern uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

constexpr unsigned WARP = 32;

// The number of the thread in its warp.
unsigned lane();

// Waits for all threads of the block, in the same line of the source.
void wait_for_block(int line);

// Works out for all lanes of a warp that are present what each gets for its offer.
using Settle = void (*)(void* const* offers, uint32_t present);

// Waits for the lanes of `mask` that have not returned; the last to come settles what all have offered.
void meet(uint32_t mask, void* offer, Settle settle, const char* name);

// Fills a variable in shared memory with NaN when a block comes to it first; `block` remembers which has.
void enter_shared(uint64_t& block, void* variable, size_t size);

// Where the memory of `extern __shared__` arrays begins.
extern void* dynamic_shared;

// Copies whose values arrive with the wait; zeros where `valid` is false.
void copy_async(void* shared, const void* global, size_t size, bool valid);
void commit_copies();
void wait_for_copies(unsigned pending_groups);

}  // namespace emulator
