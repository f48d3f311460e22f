#include "fiber.h"

#include <sys/mman.h>

#include "../driver/report.h"

// Saves the registers that a function has to keep on the stack, and takes those of another stack: swapcontext without
// its system calls, of which a step of training would make millions. x86-64 only.
extern "C" void emulator_switch(void** save, void* stack_pointer);
asm(R"(
.text
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulator_switch, . - emulator_switch
)");

namespace emulator {
namespace {

constexpr size_t PAGE = 4096;
constexpr size_t STACK = 32 * PAGE;
constexpr int SAVED_REGISTERS = 6;

void* scheduler_stack;
Fiber* running;

}  // namespace

Fiber::Fiber(void (*body)()) {
    void* mapping = mmap(nullptr, PAGE + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) fail("no memory for the stack of a thread");
    // Stacks grow down: one that overflows faults here.
    mprotect(mapping, PAGE, PROT_NONE);
    void** top = reinterpret_cast<void**>(static_cast<char*>(mapping) + PAGE + STACK);
    // In place of a return address, after which the stack is aligned as at the beginning of a function.
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(body);
    for (int i = 0; i < SAVED_REGISTERS; ++i) *--top = nullptr;
    stack_pointer_ = top;
}

void Fiber::resume() {
    running = this;
    emulator_switch(&scheduler_stack, stack_pointer_);
}

void Fiber::suspend() { emulator_switch(&running->stack_pointer_, scheduler_stack); }

}  // namespace emulator
