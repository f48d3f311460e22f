// What the emulator says, on standard error.
#pragma once

namespace emulator {

// With EMU_TRACE of at least `level`.
__attribute__((format(printf, 2, 3))) void trace(int level, const char* format, ...);

// Says what is wrong and which thread of which kernel runs, and aborts: a device would go on with wrong values, or
// report an error later and elsewhere.
[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char* format, ...);

}  // namespace emulator
