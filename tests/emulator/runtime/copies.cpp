// cp.async: what is copied is NaN until the thread that has asked for it waits.
#include <array>
#include <cstring>
#include <vector>

#include "../driver/report.h"
#include "block.h"

namespace emulator {
namespace {

struct Copy {
    void* to;
    size_t size;
    unsigned group;
    std::array<char, 16> values;
};

struct Copies {
    std::vector<Copy> pending;
    unsigned groups = 0;
};

std::array<Copies, MOST_THREADS> copies_of_threads;

Copies& copies() { return copies_of_threads[block.current]; }

bool is_aligned(const void* place, size_t size) { return reinterpret_cast<uintptr_t>(place) % size == 0; }

}  // namespace

void copy_async(void* shared, const void* global, size_t size, bool valid) {
    if (!is_aligned(shared, size)) fail("cp.async of %zu bytes to %p, which is not aligned", size, shared);
    if (valid && !is_aligned(global, size)) fail("cp.async of %zu bytes from %p, which is not aligned", size, global);
    Copy copy{shared, size, copies().groups, {}};
    if (valid) memcpy(copy.values.data(), global, size);
    memset(shared, 0xff, size);
    copies().pending.push_back(copy);
}

void commit_copies() { ++copies().groups; }

void wait_for_copies(unsigned pending_groups) {
    std::vector<Copy>& pending = copies().pending;
    size_t done = 0;
    while (done < pending.size() && pending[done].group + pending_groups < copies().groups) {
        memcpy(pending[done].to, pending[done].values.data(), pending[done].size);
        ++done;
    }
    pending.erase(pending.begin(), pending.begin() + done);
}

void finish_copies() {
    if (!copies().pending.empty()) fail("a thread returns without having waited for its cp.async");
    copies().groups = 0;
}

}  // namespace emulator
