#include "product.cuh"

ALL_PRODUCTS(BF16, bf16)
