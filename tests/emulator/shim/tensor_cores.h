// Products of matrices by a warp: d += a b, where a is 16 by 8 PACKED, b 8 PACKED by 8, and each lane holds parts of
// all three; PACKED numbers lie in a register. The layouts are those of mma.m16n8k8 in TF32 and of mma.m16n8k16 in
// bf16, which differ in that number alone.
#pragma once

#include "cuda_kernel.h"

namespace emulator {

// The number that a register holds in place `number` of PACKED.
template <int PACKED>
float unpack(uint32_t bits, int number) {
    constexpr uint32_t TF32 = ~((1u << 13) - 1);
    if constexpr (PACKED == 1) return __uint_as_float(bits & TF32);
    return __uint_as_float(number == 0 ? bits << 16 : bits & 0xffff0000u);
}

struct Operands {
    float* d;
    const uint32_t* a;
    const uint32_t* b;
};

template <int PACKED>
void multiply_whole(void* const* offers, uint32_t present) {
    if (present != ~0u) fail("mma by lanes %#x, without the others of the warp", present);
    constexpr int DEPTH = 8 * PACKED;
    float a[16][DEPTH], b[DEPTH][8], d[16][8];
    for (int lane = 0; lane < 32; ++lane) {
        const Operands& operands = *static_cast<Operands*>(offers[lane]);
        const int line = lane / 4, quad = lane % 4;
        for (int number = 0; number < PACKED; ++number) {
            const int k = quad * PACKED + number;
            for (int part = 0; part < 4; ++part) {
                a[line + part % 2 * 8][k + part / 2 * DEPTH / 2] = unpack<PACKED>(operands.a[part], number);
            }
            for (int part = 0; part < 2; ++part) {
                b[k + part * DEPTH / 2][line] = unpack<PACKED>(operands.b[part], number);
            }
        }
        for (int part = 0; part < 4; ++part) d[line + part / 2 * 8][2 * quad + part % 2] = operands.d[part];
    }
    for (int i = 0; i < 16; ++i) {
        for (int k = 0; k < DEPTH; ++k) {
            for (int j = 0; j < 8; ++j) d[i][j] += a[i][k] * b[k][j];
        }
    }
    for (int lane = 0; lane < 32; ++lane) {
        const Operands& operands = *static_cast<Operands*>(offers[lane]);
        for (int part = 0; part < 4; ++part) operands.d[part] = d[lane / 4 + part / 2 * 8][lane % 4 * 2 + part % 2];
    }
}

template <int PACKED>
void multiply(float d[4], const uint32_t a[4], const uint32_t b[2]) {
    Operands operands{d, a, b};
    meet(~0u, &operands, multiply_whole<PACKED>, "mma");
}

}  // namespace emulator
