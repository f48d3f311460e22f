// Shared memory: the variables of a kernel's library, and what a launch adds.
#include <sys/mman.h>

#include <cstring>

#include "../driver/report.h"
#include "block.h"

namespace emulator {

void* dynamic_shared;

namespace {

constexpr size_t MOST_SHARED = 48 << 10;
constexpr size_t PAGE = 4096;
// What a kernel may take for granted.
constexpr size_t ALIGNMENT = 16;

size_t dynamic_size;
size_t static_size;

char* map_dynamic_shared() {
    void* mapping = mmap(nullptr, MOST_SHARED + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) fail("no memory for shared memory");
    mprotect(static_cast<char*>(mapping) + MOST_SHARED, PAGE, PROT_NONE);
    return static_cast<char*>(mapping);
}

}  // namespace

// It ends where a page begins that cannot be accessed.
void place_dynamic_shared(size_t size) {
    static char* const mapping = map_dynamic_shared();
    if (size > MOST_SHARED) fail("%zu bytes of dynamic shared memory, more than 48 KB", size);
    dynamic_size = size;
    dynamic_shared = mapping + (MOST_SHARED - size) / ALIGNMENT * ALIGNMENT;
}

void fill_dynamic_shared() {
    static_size = 0;
    memset(dynamic_shared, 0xff, dynamic_size);
}

void enter_shared(uint64_t& entered, void* variable, size_t size) {
    if (entered == block.number) return;
    entered = block.number;
    memset(variable, 0xff, size);
    static_size += size;
    if (static_size + dynamic_size > MOST_SHARED) {
        fail("%zu bytes of static and %zu of dynamic shared memory, more than 48 KB", static_size, dynamic_size);
    }
}

}  // namespace emulator
