// __syncthreads.
#include "../driver/report.h"
#include "block.h"

namespace emulator {
namespace {

[[noreturn]] void fail_deadlocked() {
    for (unsigned number = 0; number < block.size; ++number) {
        const Thread& thread = block.threads[number];
        if (thread.state != State::IN_MEETING) continue;
        block.select(number);
        fail("deadlock: a lane waits in %s for those of %#x; %u threads wait at __syncthreads, %u have returned",
             thread.meeting.name, thread.meeting.mask, block.at_barrier, block.returned);
    }
    fail("deadlock");
}

}  // namespace

void wait_for_block(int line) {
    Thread& thread = block.thread();
    thread.line = line;
    thread.state = State::AT_BARRIER;
    ++block.at_barrier;
    Fiber::suspend();
}

void open_barrier() {
    if (block.at_barrier + block.returned < block.size) fail_deadlocked();
    int line = 0;
    for (unsigned number = 0; number < block.size; ++number) {
        const Thread& thread = block.threads[number];
        if (thread.state != State::AT_BARRIER) continue;
        block.select(number);
        if (block.returned > 0) {
            fail("a thread waits at __syncthreads in line %d, %u of its block have returned", thread.line,
                 block.returned);
        }
        if (line != 0 && thread.line != line) {
            fail("threads of a block wait at different __syncthreads, in lines %d and %d", line, thread.line);
        }
        line = thread.line;
    }
    block.at_barrier = 0;
    for (unsigned number = 0; number < block.size; ++number) block.make_ready(number);
}

}  // namespace emulator
