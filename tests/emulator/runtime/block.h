// The block that runs: its threads take turns, each until it waits or returns.
#pragma once

#include <array>

#include "device.h"
#include "fiber.h"

namespace emulator {

constexpr unsigned MOST_THREADS = 1024;

enum class State { FRESH, RUNNING, READY, AT_BARRIER, IN_MEETING, RETURNED };

struct Meeting {
    uint32_t mask;
    void* offer;
    Settle settle;
    const char* name;
};

struct Thread {
    uint3 index;
    State state;
    Fiber* fiber;
    // Of the barrier at which it waits.
    int line;
    // Of its warp, in which it waits.
    Meeting meeting;
};

// Bits of lanes.
struct Warp {
    uint32_t members;
    uint32_t ready;
    uint32_t returned;
};

struct Block {
    std::array<Thread, MOST_THREADS> threads;
    std::array<Warp, MOST_THREADS / WARP> warps;
    // Blocks that have begun so far.
    uint64_t number;
    unsigned size;
    unsigned at_barrier, returned;
    // The thread that runs, or that an error is about.
    unsigned current;

    Thread& thread() { return threads[current]; }
    void select(unsigned thread);
    void make_ready(unsigned thread);
};

extern Block block;

// When no thread can go on: opens the barrier if all have come to it, and fails otherwise.
void open_barrier();

// Settles the meetings that waited for no other lane than one that has returned.
void settle_without(unsigned thread);

// Fails if the current thread returns without having waited for its copies.
void finish_copies();

// Lays out dynamic shared memory for a launch, and fills it for a block.
void place_dynamic_shared(size_t size);
void fill_dynamic_shared();

}  // namespace emulator
