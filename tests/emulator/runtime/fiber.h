// A stack of its own for a thread of a block, which is left where the thread waits.
#pragma once

namespace emulator {

class Fiber {
public:
    // `body` must not return.
    explicit Fiber(void (*body)());
    Fiber(const Fiber&) = delete;

    // Runs the fiber until it suspends itself.
    void resume();

    // Returns from the resume() of the fiber that runs.
    static void suspend();

private:
    void* stack_pointer_;
};

}  // namespace emulator
