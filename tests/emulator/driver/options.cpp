#include "options.h"

#include <cstdlib>
#include <string>

#include "report.h"

namespace emulator {
namespace {

int number(const char* name) {
    const char* value = getenv(name);
    return value ? atoi(value) : 0;
}

Order order() {
    const char* value = getenv("EMU_ORDER");
    const std::string name = value ? value : "";
    if (name == "reverse") return Order::DESCENDING;
    if (name == "random") return Order::RANDOM;
    if (!name.empty()) fail("EMU_ORDER is '%s'; it can be reverse or random", name.c_str());
    return Order::ASCENDING;
}

}  // namespace

const Options& options() {
    static const Options read = {number("EMU_TRACE"), number("EMU_CHECK"), static_cast<size_t>(number("EMU_FENCE")),
                                 order(), number("EMU_PROFILE") != 0};
    return read;
}

}  // namespace emulator
