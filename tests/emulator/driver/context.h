#pragma once

namespace emulator {

// Fails if no context is current in this thread of the host.
void require_context(const char* operation);

}  // namespace emulator
