// Kernels that do wrong on purpose, each what its name says, and products of tensor cores. Blocks have 64 threads.
#include "instructions.cuh"

extern "C" __global__ void write_behind(float* values, int len) { values[len + threadIdx.x] = 1.0f; }

extern "C" __global__ void read_behind(float* values, int len) { values[threadIdx.x] = values[len + threadIdx.x]; }

extern "C" __global__ void write_behind_shared(float* values, int) {
    extern __shared__ float line[];
    line[blockDim.x + threadIdx.x] = 1.0f;
    values[threadIdx.x] = line[threadIdx.x];
}

extern "C" __global__ void index_behind_array(float* values, int len) {
    __shared__ float line[64];
    line[threadIdx.x + len] = 1.0f;
    values[threadIdx.x] = line[threadIdx.x];
}

extern "C" __global__ void read_unaligned(float* values, int) {
    values[threadIdx.x] = reinterpret_cast<const float4*>(values + 1)->x;
}

extern "C" __global__ void miss_barrier(float* values, int) {
    __shared__ float line[64];
    line[threadIdx.x] = 1.0f;
    values[threadIdx.x] = line[63 - threadIdx.x];
}

extern "C" __global__ void return_before_barrier(float*, int len) {
    if (threadIdx.x >= len / 2) return;
    __syncthreads();
}

extern "C" __global__ void diverge(float*, int) {
    if (threadIdx.x < 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
}

extern "C" __global__ void diverge_in_warp(float* values, int) {
    if (threadIdx.x % 2 == 0) values[threadIdx.x] = __shfl_xor_sync(~0u, 1.0f, 1);
    __syncthreads();
}

extern "C" __global__ void copy_without_wait(float* values, int) {
    __shared__ float line[64];
    copy_async<1>(&line[threadIdx.x], &values[threadIdx.x], true);
    copies_commit();
}

extern "C" __global__ void read_before_wait(float* values, int) {
    __shared__ float line[64];
    values[threadIdx.x] = 1.0f;
    copy_async<1>(&line[threadIdx.x], &values[threadIdx.x], true);
    copies_commit();
    values[threadIdx.x] = line[threadIdx.x];
    copies_wait<0>();
}

extern "C" __global__ void __launch_bounds__(32) exceed_bounds(float*, int) {}

// Of the smallest whole numbers, which no format rounds.
__device__ float left(int row, int k) { return (row * 5 + k * 3) % 7 - 3; }
__device__ float right(int k, int column) { return (k * 4 + column) % 5 - 2; }

// In every value of a warp: 1, or NaN if the result is not that of a plain product.
__device__ void check_product(float* values, const float d[4], int depth) {
    const int line = threadIdx.x % 32 / 4, quad = threadIdx.x % 4;
    float right_so_far = 1.0f;
    for (int part = 0; part < 4; ++part) {
        const int row = line + part / 2 * 8, column = 2 * quad + part % 2;
        float sum = row;
        for (int k = 0; k < depth; ++k) sum += left(row, k) * right(k, column);
        if (d[part] != sum) right_so_far = NAN;
    }
    values[threadIdx.x] = right_so_far;
}

extern "C" __global__ void product_in_tf32(float* values, int) {
    const int line = threadIdx.x % 32 / 4, quad = threadIdx.x % 4;
    uint32_t a[4], b[2];
    for (int part = 0; part < 4; ++part) a[part] = round_tf32(left(line + part % 2 * 8, quad + part / 2 * 4));
    for (int part = 0; part < 2; ++part) b[part] = round_tf32(right(quad + part * 4, line));
    float d[4] = {float(line), float(line), float(line + 8), float(line + 8)};
    multiply_tf32(d, a, b);
    check_product(values, d, 8);
}

extern "C" __global__ void product_in_bf16(float* values, int) {
    const int line = threadIdx.x % 32 / 4, quad = threadIdx.x % 4;
    uint32_t a[4], b[2];
    for (int part = 0; part < 4; ++part) {
        const int row = line + part % 2 * 8, k = 2 * quad + part / 2 * 8;
        a[part] = pack_bf16(left(row, k), left(row, k + 1));
    }
    for (int part = 0; part < 2; ++part) {
        const int k = 2 * quad + part * 8;
        b[part] = pack_bf16(right(k, line), right(k + 1, line));
    }
    float d[4] = {float(line), float(line), float(line + 8), float(line + 8)};
    multiply_bf16(d, a, b);
    check_product(values, d, 16);
}
