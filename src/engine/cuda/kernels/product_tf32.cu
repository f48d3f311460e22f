#include "product.cuh"

ALL_PRODUCTS(TF32, tf32)
