#include "memory.h"

#include <cuda.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "context.h"
#include "operation.h"
#include "options.h"
#include "report.h"

namespace emulator {
namespace {

constexpr size_t PAGE = 4096;
constexpr unsigned char ZONE = 0xa5;

std::map<uintptr_t, Allocation> live;
size_t allocated;
size_t used, most_used;

size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

// A page, the allocation at its beginning, what is left of its last page, and a page. With a fence the two pages
// cannot be accessed, and the allocation is at the end of the pages in between.
uintptr_t allocate(size_t size) {
    const size_t body = round_up(size, PAGE), mapped = PAGE + body + PAGE;
    void* mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return 0;
    const uintptr_t begin = reinterpret_cast<uintptr_t>(mapping), end = begin + mapped;
    Allocation allocation{begin + PAGE, size, allocated++, begin, end, begin, end};
    if (const size_t fence = options().fence) {
        allocation.zone_begin += PAGE;
        allocation.zone_end -= PAGE;
        allocation.begin = allocation.zone_end - round_up(size, fence);
        mprotect(mapping, PAGE, PROT_NONE);
        mprotect(reinterpret_cast<void*>(allocation.zone_end), PAGE, PROT_NONE);
    }
    memset(reinterpret_cast<void*>(allocation.zone_begin), ZONE, allocation.zone_end - allocation.zone_begin);
    // NaN, as all that is read before it is written.
    memset(reinterpret_cast<void*>(allocation.begin), 0xff, size);
    live[allocation.begin] = allocation;
    used += size;
    most_used = std::max(most_used, used);
    return allocation.begin;
}

void release(uintptr_t address) {
    const auto found = live.find(address);
    if (found == live.end()) fail("%#lx is freed, where no live allocation begins", address);
    const Allocation allocation = found->second;
    check_zones(allocation, "when it was freed");
    live.erase(found);
    used -= allocation.size;
    // Whoever goes on to use it faults, unless the pages have been given out again.
    munmap(reinterpret_cast<void*>(allocation.mapping_begin), allocation.mapping_end - allocation.mapping_begin);
}

// Of bytes that have to be as they were filled, the first one that is not, or the end.
uintptr_t first_written(uintptr_t begin, uintptr_t end) {
    const auto is_written = [](unsigned char byte) { return byte != ZONE; };
    return reinterpret_cast<uintptr_t>(std::find_if(reinterpret_cast<unsigned char*>(begin),
                                                    reinterpret_cast<unsigned char*>(end), is_written));
}

CUresult copy(const char* name, uintptr_t to, uintptr_t from, size_t size) {
    trace(2, "%s of %zu bytes", name, size);
    require_context(name);
    memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), size);
    return CUDA_SUCCESS;
}

}  // namespace

const Allocation* allocation_before(uintptr_t address) {
    auto next = live.upper_bound(address);
    return next == live.begin() ? nullptr : &(--next)->second;
}

const Allocation* find_allocation(uintptr_t address) {
    const Allocation* allocation = allocation_before(address);
    return allocation && address <= allocation->end() ? allocation : nullptr;
}

void require_memory(const char* operation, const char* what, uintptr_t begin, size_t size) {
    const Allocation* allocation = find_allocation(begin);
    if (size > 0 && (!allocation || begin + size > allocation->end())) {
        fail("%s: the %s, %zu bytes at %#lx, is not in a live allocation", operation, what, size, begin);
    }
}

void check_zones(const Allocation& allocation, const std::string& when) {
    const uintptr_t before = first_written(allocation.zone_begin, allocation.begin);
    const uintptr_t behind = first_written(allocation.end(), allocation.zone_end);
    if (before != allocation.begin) {
        fail("found %s: allocation %zu of %zu bytes was written %zu bytes before its begin", when.c_str(),
             allocation.number, allocation.size, allocation.begin - before);
    }
    if (behind != allocation.zone_end) {
        fail("found %s: allocation %zu of %zu bytes was written %zu bytes behind its end", when.c_str(),
             allocation.number, allocation.size, behind - allocation.end());
    }
}

void check_all_zones(const std::string& when) {
    for (const auto& [begin, allocation] : live) check_zones(allocation, when);
}

}  // namespace emulator

using namespace emulator;

CUresult cuMemAllocAsync(CUdeviceptr* address, size_t size, CUstream) {
    const Operation operation("cuMemAllocAsync");
    require_context("cuMemAllocAsync");
    *address = allocate(size);
    trace(2, "cuMemAllocAsync of %zu bytes: allocation %zu at %#llx", size, allocated - 1, *address);
    return *address ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemFreeAsync(CUdeviceptr address, CUstream) {
    const Operation operation("cuMemFreeAsync");
    require_context("cuMemFreeAsync");
    trace(2, "cuMemFreeAsync of %#llx", address);
    release(address);
    return CUDA_SUCCESS;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t size, CUstream) {
    const Operation operation("cuMemcpyHtoDAsync");
    require_memory("cuMemcpyHtoDAsync", "destination", to, size);
    return copy("cuMemcpyHtoDAsync", to, reinterpret_cast<uintptr_t>(from), size);
}

CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t size, CUstream) {
    const Operation operation("cuMemcpyDtoHAsync");
    require_memory("cuMemcpyDtoHAsync", "source", from, size);
    return copy("cuMemcpyDtoHAsync", reinterpret_cast<uintptr_t>(to), from, size);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream) {
    const Operation operation("cuMemcpyDtoDAsync");
    require_memory("cuMemcpyDtoDAsync", "destination", to, size);
    require_memory("cuMemcpyDtoDAsync", "source", from, size);
    if (to < from + size && from < to + size) fail("cuMemcpyDtoDAsync: source and destination overlap");
    return copy("cuMemcpyDtoDAsync", to, from, size);
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t size, CUstream) {
    const Operation operation("cuMemsetD8Async");
    trace(2, "cuMemsetD8Async of %zu bytes", size);
    require_context("cuMemsetD8Async");
    require_memory("cuMemsetD8Async", "destination", to, size);
    memset(reinterpret_cast<void*>(to), value, size);
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetMemPool(CUmemoryPool* pool, CUdevice) {
    // There is one; it is only handed back.
    *pool = nullptr;
    return CUDA_SUCCESS;
}

CUresult cuMemPoolGetAttribute(CUmemoryPool, CUmemPool_attribute attribute, void* value) {
    const Operation operation("cuMemPoolGetAttribute");
    if (attribute != CU_MEMPOOL_ATTR_USED_MEM_HIGH) fail("attribute %d of a pool is not emulated", attribute);
    *static_cast<cuuint64_t*>(value) = most_used;
    return CUDA_SUCCESS;
}
