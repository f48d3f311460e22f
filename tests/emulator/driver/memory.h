// Memory of the device, each allocation with zones around it that nothing may write to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace emulator {

struct Allocation {
    uintptr_t begin;
    size_t size;
    // How many were made before it.
    size_t number;
    // All of its pages, and those that can be accessed.
    uintptr_t mapping_begin, mapping_end;
    uintptr_t zone_begin, zone_end;

    uintptr_t end() const { return begin + size; }
};

// The one that an address lies in, or at whose end: a view of no values can begin there. Null if there is none.
const Allocation* find_allocation(uintptr_t address);

// The last one that begins at or before an address, or null.
const Allocation* allocation_before(uintptr_t address);

// Fails unless so many bytes lie in a live allocation.
void require_memory(const char* operation, const char* what, uintptr_t begin, size_t size);

// Fail if something was written beside an allocation, or any of them.
void check_zones(const Allocation& allocation, const std::string& when);
void check_all_zones(const std::string& when);

}  // namespace emulator
