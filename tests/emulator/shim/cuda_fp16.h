// A name alone: kernels of 16-bit floats are left out by the generation of cards for which candle's are built. What is
// only declared is named by functions that no other kernel calls.
#pragma once

struct __half {
    unsigned short bits;
};

unsigned short __half_as_ushort(__half);
__half __ushort_as_half(unsigned short);
__half __hmax_nan(__half, __half);
__half __hmin_nan(__half, __half);
