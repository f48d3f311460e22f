// candle makes a generator for each device. Numbers from it are not emulated: this project draws its own.
#include <curand.h>

curandStatus_t curandCreateGenerator(curandGenerator_t* generator, curandRngType_t) {
    *generator = nullptr;
    return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandDestroyGenerator(curandGenerator_t) { return CURAND_STATUS_SUCCESS; }

curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t, unsigned long long) {
    return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandSetStream(curandGenerator_t, cudaStream_t) { return CURAND_STATUS_SUCCESS; }
