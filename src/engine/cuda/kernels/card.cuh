// What all kernels share.
#pragma once

#include "generated.cuh"

// The sum over a block of THREADS, at its first thread; always in the same order.
__device__ __forceinline__ double block_sum(double value) {
    __shared__ double sums[THREADS];
    sums[threadIdx.x] = value;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
        __syncthreads();
    }
    const double sum = sums[0];
    __syncthreads();
    return sum;
}

// A quotient of numbers from 0 on: of those that fit, in 32 bits, which takes a fifth of the time.
__device__ __forceinline__ int64_t quotient(int64_t number, int32_t divisor) {
    if (number <= UINT32_MAX) return static_cast<uint32_t>(number) / static_cast<uint32_t>(divisor);
    return number / divisor;
}

// Where a thread of a grid-stride loop begins, and how far it goes.
__device__ __forceinline__ int64_t first_place() {
    return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ int64_t stride() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }
