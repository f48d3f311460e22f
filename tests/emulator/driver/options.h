// What the environment asks for; README.md has the list.
#pragma once

#include <cstddef>

namespace emulator {

enum class Order { ASCENDING, DESCENDING, RANDOM };

struct Options {
    int trace;
    int check;
    size_t fence;
    Order order;
    bool profile;
};

const Options& options();

}  // namespace emulator
