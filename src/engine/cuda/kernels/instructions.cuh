// Instructions without a name in C++: asynchronous copies and the products of tensor cores. Both take a card of
// compute capability 8.0; below it copies are plain ones, and products are left to those of f32.
#pragma once

#include <stdint.h>

// Copies a value, or four that are aligned, to shared memory without waiting; zeros, and nothing is read, where
// `valid` is false.
template <int VALUES>
__device__ __forceinline__ void copy_async(float* shared, const float* global, bool valid) {
#if __CUDA_ARCH__ >= 800
    const uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    const int bytes = valid ? 4 * VALUES : 0;
    if constexpr (VALUES == 4) {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes) : "memory");
    } else {
        asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(global), "r"(bytes) : "memory");
    }
#else
#pragma unroll
    for (int i = 0; i < VALUES; ++i) shared[i] = valid ? global[i] : 0.0f;
#endif
}

// Ends a group of copies.
__device__ __forceinline__ void copies_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for all groups but the last `PENDING`.
template <int PENDING>
__device__ __forceinline__ void copies_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
#endif
}

// The bits of a number for a product in TF32, which ignores the lowest 13 of them: half of the last one that counts is
// added, so that it is rounded to the nearest. (The instruction for it, cvt.rna.tf32, is several on sm_90.)
__device__ __forceinline__ uint32_t round_tf32(float x) { return __float_as_uint(x) + (1u << 12); }

// d += a b of a warp, a 16x8 and b 8x8 in TF32.
__device__ __forceinline__ void multiply_tf32(float d[4], const uint32_t a[4], const uint32_t b[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Two numbers rounded to bf16, the first in the lower half.
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
    uint32_t packed = 0;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
#endif
    return packed;
}

// d += a b of a warp, a 16x16 and b 16x8 in bf16.
__device__ __forceinline__ void multiply_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}
