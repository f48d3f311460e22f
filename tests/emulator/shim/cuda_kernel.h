// Included before each kernel: lets a host compiler take CUDA C++. What is missing here no kernel has needed.
// generate.py replaces __global__, __shared__ and __launch_bounds__.
#pragma once

#include <assert.h>
#include <math.h>
#include <stdint.h>

#include <cstring>
#include <type_traits>

#include "../driver/report.h"
#include "../runtime/device.h"
#include "../runtime/kernel.h"

#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))
// candle asks whether the compiler declares what it would define otherwise.
#define __CUDACC_VER_MAJOR__ 13
#define __CUDACC_VER_MINOR__ 0

struct alignas(8) float2 {
    float x, y;
};

struct alignas(16) float4 {
    float x, y, z, w;
};

inline float2 make_float2(float x, float y) { return {x, y}; }

inline void __syncthreads(int line = __builtin_LINE()) { emulator::wait_for_block(line); }

// From a lane that has returned, or that the mask lacks, comes NaN.
template <class Value>
Value __shfl_xor_sync(uint32_t mask, Value value, unsigned distance, unsigned width = emulator::WARP) {
    if (width != emulator::WARP) emulator::fail("__shfl_xor_sync in parts of a warp is not emulated");
    struct Offer {
        Value value;
        unsigned from;
        Value result;
    };
    Offer offer{value, emulator::lane() ^ distance, value};
    const auto exchange = [](void* const* offers, uint32_t present) {
        for (unsigned to = 0; to < emulator::WARP; ++to) {
            if (!(present >> to & 1)) continue;
            Offer& offer = *static_cast<Offer*>(offers[to]);
            if (offer.from < emulator::WARP && present >> offer.from & 1) {
                offer.result = static_cast<Offer*>(offers[offer.from])->value;
            } else {
                memset(&offer.result, 0xff, sizeof(Value));
            }
        }
    };
    emulator::meet(mask, &offer, exchange, "__shfl_xor_sync");
    return offer.result;
}

// Threads take turns, and none is interrupted in here.
template <class Number>
Number atomicAdd(Number* place, std::common_type_t<Number> value) {
    const Number old = *place;
    *place += value;
    return old;
}

template <class Number>
Number atomicCAS(Number* place, std::common_type_t<Number> expected, std::common_type_t<Number> value) {
    const Number old = *place;
    if (old == expected) *place = value;
    return old;
}

// Named by functions of candle that none of its kernels calls.
template <class Number>
Number atomicMin(Number*, std::common_type_t<Number>);
template <class Number>
Number atomicMax(Number*, std::common_type_t<Number>);

template <class A, class B>
constexpr std::common_type_t<A, B> min(A a, B b) {
    static_assert(std::is_integral_v<A> && std::is_integral_v<B>, "of floating-point numbers NaN would matter");
    using Both = std::common_type_t<A, B>;
    return Both(b) < Both(a) ? Both(b) : Both(a);
}

template <class A, class B>
constexpr std::common_type_t<A, B> max(A a, B b) {
    static_assert(std::is_integral_v<A> && std::is_integral_v<B>, "of floating-point numbers NaN would matter");
    using Both = std::common_type_t<A, B>;
    return Both(a) < Both(b) ? Both(b) : Both(a);
}

template <class To, class From>
To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    memcpy(&to, &from, sizeof(to));
    return to;
}

inline int __float_as_int(float x) { return same_bits<int>(x); }
inline unsigned __float_as_uint(float x) { return same_bits<unsigned>(x); }
inline float __int_as_float(int x) { return same_bits<float>(x); }
inline float __uint_as_float(unsigned x) { return same_bits<float>(x); }
inline long long __double_as_longlong(double x) { return same_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return same_bits<double>(x); }

// The results are volatile so that the compiler does not fuse a product and a sum, as it may elsewhere and nvcc does.
inline float __fadd_rn(float a, float b) {
    const volatile float sum = a + b;
    return sum;
}

inline float __fmul_rn(float a, float b) {
    const volatile float product = a * b;
    return product;
}

inline double __dadd_rn(double a, double b) {
    const volatile double sum = a + b;
    return sum;
}

inline double __dmul_rn(double a, double b) {
    const volatile double product = a * b;
    return product;
}

inline float __fsqrt_rn(float x) { return sqrtf(x); }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float normcdff(float x) { return 0.5f * erfcf(-sqrtf(0.5f) * x); }
inline double normcdf(double x) { return 0.5 * erfc(-sqrt(0.5) * x); }
