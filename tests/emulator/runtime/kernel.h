// Kernels, which their libraries register when they are loaded.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace emulator {

struct Parameter {
    size_t size;
    bool is_pointer;
};

struct Kernel {
    std::string name;
    // As its __launch_bounds__ say.
    unsigned most_threads;
    std::vector<Parameter> parameters;
    // Runs one thread.
    std::function<void(void* const* arguments)> call;
};

void add_kernel(Kernel kernel);

template <class... Parameters, size_t... Places>
void call(void (*function)(Parameters...), void* const* arguments, std::index_sequence<Places...>) {
    function(*static_cast<const Parameters*>(arguments[Places])...);
}

struct Registration {
    template <class... Parameters>
    Registration(const char* name, unsigned most_threads, void (*function)(Parameters...)) {
        auto run = [function](void* const* arguments) {
            call(function, arguments, std::index_sequence_for<Parameters...>{});
        };
        add_kernel({name, most_threads, {{sizeof(Parameters), std::is_pointer_v<Parameters>}...}, run});
    }
};

}  // namespace emulator
