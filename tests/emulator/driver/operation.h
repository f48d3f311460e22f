// Something that the device does: one at a time, whichever threads of the host ask for it.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

namespace emulator {

class Operation {
public:
    explicit Operation(std::string name);
    // With EMU_PROFILE the time is added to that of others of the name.
    ~Operation();
    Operation(const Operation&) = delete;

private:
    std::lock_guard<std::mutex> lock_;
    std::string name_;
    std::chrono::steady_clock::time_point begin_;
};

}  // namespace emulator
