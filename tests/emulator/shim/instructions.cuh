// Stands in for the header of the same name beside the project's kernels, whose instructions are of a card.
#pragma once

#include "tensor_cores.h"

template <int VALUES>
void copy_async(float* shared, const float* global, bool valid) {
    emulator::copy_async(shared, global, VALUES * sizeof(float), valid);
}

inline void copies_commit() { emulator::commit_copies(); }

template <int PENDING>
void copies_wait() {
    emulator::wait_for_copies(PENDING);
}

inline uint32_t round_tf32(float x) { return __float_as_uint(x) + (1u << 12); }

inline void multiply_tf32(float d[4], const uint32_t a[4], const uint32_t b[2]) { emulator::multiply<1>(d, a, b); }

// To the nearest, of two that are as near the even one.
inline uint32_t bf16_bits(float x) {
    if (isnan(x)) return 0x7fff;
    const uint32_t bits = __float_as_uint(x);
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

inline uint32_t pack_bf16(float low, float high) { return bf16_bits(low) | bf16_bits(high) << 16; }

inline void multiply_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]) { emulator::multiply<2>(d, a, b); }
