#include "faults.h"

#include <dlfcn.h>
#include <signal.h>
#include <ucontext.h>

#include <cstdio>

#include "../runtime/grid.h"
#include "memory.h"
#include "report.h"

namespace emulator {
namespace {

// Where in the source that is, debugging information tells.
void print_instruction(const ucontext_t& context) {
    const auto instruction = static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
    Dl_info library;
    if (dladdr(reinterpret_cast<void*>(instruction), &library) == 0) return;
    const uintptr_t place = instruction - reinterpret_cast<uintptr_t>(library.dli_fbase);
    fprintf(stderr, "emulator: the line is told by: addr2line -ie %s %#lx\n", library.dli_fname, place);
}

// Not all that is called here may be called in a handler. But the process ends, and a kernel holds no lock of the C
// library.
void report(int number, siginfo_t* info, void* context) {
    if (position().empty()) {
        // Not by a kernel: the signal does what it does without the emulator when the instruction is tried again.
        signal(number, SIG_DFL);
        return;
    }
    print_instruction(*static_cast<ucontext_t*>(context));
    if (number == SIGFPE) fail("an integer is divided by zero");
    // The compiler's checks end in an instruction that does not exist.
    if (number == SIGILL) fail("an access that is not aligned, or outside an array");
    const uintptr_t address = reinterpret_cast<uintptr_t>(info->si_addr);
    const Allocation* allocation = allocation_before(address);
    if (!allocation) fail("an access outside of memory, at %#lx", address);
    fail("an access outside of memory, at %#lx: offset %zu of allocation %zu of %zu bytes, the nearest below", address,
         address - allocation->begin, allocation->number, allocation->size);
}

}  // namespace

void report_faults() {
    struct sigaction action {};
    action.sa_sigaction = report;
    // On a stack that is there even if that of a thread is full.
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigaction(number, &action, nullptr);
}

}  // namespace emulator
