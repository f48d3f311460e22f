// Names alone, as in cuda_fp16.h.
#pragma once

#include "cuda_fp16.h"

enum __nv_fp8_interpretation_t { __NV_E4M3 };

struct __nv_fp8_e4m3 {
    unsigned char __x;
    explicit __nv_fp8_e4m3(float);
};

__half __nv_cvt_fp8_to_halfraw(unsigned char, __nv_fp8_interpretation_t);
float __half2float(__half);
