#include "operation.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

#include "options.h"

namespace emulator {
namespace {

std::mutex device;

struct Times {
    struct Time {
        long count = 0;
        double seconds = 0.0;
    };
    std::map<std::string, Time> times;

    // At the end of the process.
    ~Times() {
        std::vector<std::pair<std::string, Time>> sorted(times.begin(), times.end());
        std::sort(sorted.begin(), sorted.end(),
                  [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
        for (const auto& [name, time] : sorted) {
            fprintf(stderr, "emulator: %9.3f s %8ld times %s\n", time.seconds, time.count, name.c_str());
        }
    }
};

}  // namespace

Operation::Operation(std::string name)
    : lock_(device), name_(std::move(name)), begin_(std::chrono::steady_clock::now()) {}

Operation::~Operation() {
    if (!options().profile) return;
    static Times all;
    Times::Time& time = all.times[name_];
    time.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    ++time.count;
}

}  // namespace emulator
