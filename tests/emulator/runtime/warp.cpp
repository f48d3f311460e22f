// What the lanes of a warp do together.
#include "../driver/report.h"
#include "block.h"

namespace emulator {
namespace {

// Calls `use` with the number of each thread of a warp whose bit is set.
template <class Use>
void each(unsigned warp, uint32_t lanes, Use use) {
    for (; lanes != 0; lanes &= lanes - 1) use(warp * WARP + __builtin_ctz(lanes));
}

// Settles the meeting of a thread if all lanes have come; returns whether they have.
bool settle(unsigned number) {
    const Meeting meeting = block.threads[number].meeting;
    const unsigned warp = number / WARP;
    const uint32_t present = meeting.mask & block.warps[warp].members & ~block.warps[warp].returned;
    bool complete = true;
    void* offers[WARP] = {};
    each(warp, present, [&](unsigned other) {
        const Thread& thread = block.threads[other];
        if (thread.state != State::IN_MEETING || thread.meeting.mask != meeting.mask) {
            complete = false;
        } else if (thread.meeting.settle != meeting.settle) {
            fail("lanes of a warp meet in %s and in %s", meeting.name, thread.meeting.name);
        }
        offers[other % WARP] = thread.meeting.offer;
    });
    if (!complete) return false;
    meeting.settle(offers, present);
    each(warp, present, [](unsigned other) { block.make_ready(other); });
    return true;
}

}  // namespace

unsigned lane() { return block.current % WARP; }

void meet(uint32_t mask, void* offer, Settle settle_offers, const char* name) {
    if (!(mask >> lane() & 1)) fail("%s by lane %u, which is not in its mask %#x", name, lane(), mask);
    Thread& thread = block.thread();
    thread.meeting = {mask, offer, settle_offers, name};
    thread.state = State::IN_MEETING;
    settle(block.current);
    Fiber::suspend();
}

void settle_without(unsigned number) {
    const unsigned warp = number / WARP;
    block.warps[warp].returned |= 1u << number % WARP;
    each(warp, block.warps[warp].members, [&](unsigned other) {
        const Thread& thread = block.threads[other];
        if (thread.state == State::IN_MEETING && thread.meeting.mask >> number % WARP & 1) settle(other);
    });
}

}  // namespace emulator
