#include "grid.h"

#include <algorithm>
#include <random>

#include "../driver/options.h"
#include "block.h"

uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

Block block;

namespace {

const Launch* launched;
// Of threads that have returned; the last is taken first, since its stack is in the cache.
std::vector<Fiber*> free_fibers;
// Without a seed: what has failed fails again.
std::minstd_rand random_numbers;

[[noreturn]] void run_threads() {
    for (;;) {
        launched->kernel->call(launched->arguments.data());
        finish_copies();
        block.thread().state = State::RETURNED;
        Fiber::suspend();
    }
}

Fiber* take_fiber() {
    if (free_fibers.empty()) return new Fiber(run_threads);
    Fiber* fiber = free_fibers.back();
    free_fibers.pop_back();
    return fiber;
}

void run_thread(unsigned number) {
    block.select(number);
    Thread& thread = block.thread();
    if (thread.state == State::FRESH) thread.fiber = take_fiber();
    thread.state = State::RUNNING;
    thread.fiber->resume();
    if (thread.state != State::RETURNED) return;
    free_fibers.push_back(thread.fiber);
    ++block.returned;
    settle_without(number);
}

unsigned pick(uint32_t lanes) {
    switch (options().order) {
        case Order::ASCENDING: return __builtin_ctz(lanes);
        case Order::DESCENDING: return WARP - 1 - __builtin_clz(lanes);
        case Order::RANDOM: break;
    }
    for (unsigned others = random_numbers() % __builtin_popcount(lanes); others > 0; --others) lanes &= lanes - 1;
    return __builtin_ctz(lanes);
}

// Runs every warp until all its lanes wait; returns whether there was one that did not.
bool run_warps(unsigned warps) {
    bool has_run = false;
    const unsigned first = options().order == Order::RANDOM ? random_numbers() % warps : 0;
    for (unsigned i = 0; i < warps; ++i) {
        const unsigned number = options().order == Order::DESCENDING ? warps - 1 - i : (first + i) % warps;
        Warp& warp = block.warps[number];
        while (warp.ready) {
            const unsigned lane = pick(warp.ready);
            warp.ready &= ~(1u << lane);
            run_thread(number * WARP + lane);
            has_run = true;
        }
    }
    return has_run;
}

void run_block() {
    ++block.number;
    block.at_barrier = 0;
    block.returned = 0;
    const unsigned warps = (block.size + WARP - 1) / WARP;
    for (unsigned number = 0; number < block.size; ++number) block.threads[number].state = State::FRESH;
    for (unsigned number = 0; number < warps; ++number) {
        const unsigned lanes = std::min(block.size - number * WARP, WARP);
        Warp& warp = block.warps[number];
        warp.members = ~0u >> (WARP - lanes);
        warp.ready = warp.members;
        warp.returned = 0;
    }
    fill_dynamic_shared();
    while (block.returned < block.size) {
        if (!run_warps(warps)) open_barrier();
    }
}

std::string text(const uint3& place) {
    return "(" + std::to_string(place.x) + ", " + std::to_string(place.y) + ", " + std::to_string(place.z) + ")";
}

uint3 place_of(uint64_t number, const uint3& size) {
    const uint64_t row = number / size.x;
    return {unsigned(number % size.x), unsigned(row % size.y), unsigned(row / size.y)};
}

}  // namespace

void Block::select(unsigned thread) {
    current = thread;
    threadIdx = threads[thread].index;
}

void Block::make_ready(unsigned thread) {
    threads[thread].state = State::READY;
    warps[thread / WARP].ready |= 1u << thread % WARP;
}

void run(const Launch& launch) {
    launched = &launch;
    gridDim = launch.grid;
    blockDim = launch.block;
    block.size = blockDim.x * blockDim.y * blockDim.z;
    for (unsigned number = 0; number < block.size; ++number) block.threads[number].index = place_of(number, blockDim);
    place_dynamic_shared(launch.dynamic_shared);
    const uint64_t blocks = uint64_t{gridDim.x} * gridDim.y * gridDim.z;
    for (uint64_t number = 0; number < blocks; ++number) {
        blockIdx = place_of(options().order == Order::DESCENDING ? blocks - 1 - number : number, gridDim);
        run_block();
    }
    launched = nullptr;
}

std::string position() {
    if (!launched) return "";
    return "kernel " + launched->kernel->name + ", grid " + text(gridDim) + " of " + text(blockDim) + ": block " +
           text(blockIdx) + ", thread " + text(threadIdx);
}

}  // namespace emulator
