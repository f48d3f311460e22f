// Runs the blocks of a launch, one after the other.
#pragma once

#include "device.h"
#include "kernel.h"

namespace emulator {

struct Launch {
    const Kernel* kernel;
    uint3 grid, block;
    size_t dynamic_shared;
    std::vector<void*> arguments;
};

void run(const Launch& launch);

// Which kernel, block and thread run now; empty if none do.
std::string position();

}  // namespace emulator
