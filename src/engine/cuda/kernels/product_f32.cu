#include "product.cuh"

ALL_PRODUCTS(F32, f32)
