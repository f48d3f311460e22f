#pragma once

namespace emulator {

// From now on, signals that kernels cause are told with the kernel, the thread and the allocations nearby.
void report_faults();

}  // namespace emulator
