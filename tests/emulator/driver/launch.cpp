// Launches, and what is wrong with them.
#include <cuda.h>

#include <cstring>

#include "../runtime/grid.h"
#include "context.h"
#include "memory.h"
#include "operation.h"
#include "options.h"
#include "report.h"

namespace emulator {
namespace {

void check_sizes(const Launch& launch) {
    const char* name = launch.kernel->name.c_str();
    const uint3 grid = launch.grid, block = launch.block;
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) fail("%s: a grid of no blocks", name);
    if (grid.x > 0x7fffffff || grid.y > 0xffff || grid.z > 0xffff) {
        fail("%s: a grid of %u by %u by %u blocks, more than there can be", name, grid.x, grid.y, grid.z);
    }
    const uint64_t threads = uint64_t{block.x} * block.y * block.z;
    if (threads == 0 || threads > launch.kernel->most_threads || block.z > 64) {
        fail("%s: blocks of %u by %u by %u threads, it can have %u", name, block.x, block.y, block.z,
             launch.kernel->most_threads);
    }
}

// Null pointers are for the kernel to know about.
const Allocation* require_pointer(const Kernel& kernel, size_t parameter, const void* argument) {
    uintptr_t address;
    memcpy(&address, argument, sizeof(address));
    const Allocation* allocation = find_allocation(address);
    if (address != 0 && !allocation) {
        fail("%s: argument %zu, %#lx, is not in a live allocation", kernel.name.c_str(), parameter, address);
    }
    return allocation;
}

}  // namespace
}  // namespace emulator

using namespace emulator;

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                        unsigned block_y, unsigned block_z, unsigned shared, CUstream, void** arguments, void** extra) {
    const Kernel& kernel = *reinterpret_cast<const Kernel*>(function);
    const Operation operation(kernel.name);
    trace(1, "%s: grid %u %u %u of %u %u %u, %u bytes of dynamic shared memory", kernel.name.c_str(), grid_x, grid_y,
          grid_z, block_x, block_y, block_z, shared);
    require_context(kernel.name.c_str());
    if (extra) fail("%s: arguments in `extra` are not emulated", kernel.name.c_str());
    Launch launch{&kernel, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared, {}};
    check_sizes(launch);
    std::vector<const Allocation*> used;
    for (size_t i = 0; i < kernel.parameters.size(); ++i) {
        launch.arguments.push_back(arguments[i]);
        if (!kernel.parameters[i].is_pointer) continue;
        if (const Allocation* allocation = require_pointer(kernel, i, arguments[i])) used.push_back(allocation);
    }
    run(launch);
    const std::string when = "after " + kernel.name;
    if (options().check >= 2) {
        check_all_zones(when);
    } else if (options().check == 1) {
        for (const Allocation* allocation : used) check_zones(*allocation, when);
    }
    return CUDA_SUCCESS;
}
