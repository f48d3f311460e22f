// Written by src/engine/abi/header.rs from what the host computes with: not to be edited.
// `AUTOENCODE_WRITE_KERNELS=1 cargo test --lib abi` writes it anew.
#pragma once

#include <stddef.h>
#include <stdint.h>

constexpr int THREADS = 256;
constexpr int DEPTH = 16;
constexpr int ONE = 32767;
constexpr int ZEROS = 32766;
constexpr int SUM_LANES = 8;
constexpr int STATES = 2;
constexpr int SETTINGS = 9;

enum ActivationKind : int32_t { LINEAR, RELU, LEAKY_RELU, SIGMOID, TANH, ELU, SWISH, SOFTPLUS, GELU, GELU_TANH, SIN, CAPPED_LINEAR, CAPPED_RELU, SATURATED_LINEAR, ISRU, ARCTAN, ELLIOT, ARCSINH, LOGARITHMIC };
enum LossKind : int32_t { BCE, MSE, MAE };
enum RuleKind : int32_t { DESCENT, MOMENTUM, NESTEROV, QUOTIENT, QUOTIENT_INSIDE, QUOTIENT_MOMENTUM, QUOTIENT_MOMENTUM_INSIDE, ADADELTA, ADAM, ADAM_W };
enum ConvAlgorithm : int32_t { GATHER, SPREAD, PHASES, STRIDED };
enum CorruptionKind : int32_t { NONE, GAUSSIAN, UNCLIPPED_GAUSSIAN, SALT_AND_PEPPER, MASKING };
enum BinarizationKind : int32_t { AS_THEY_ARE, THRESHOLD, DRAWN };
enum Row : int32_t { DISTANCE, KL, PENALTY };
enum Failure : int32_t { NOTHING, LOSS, NORM };

// Stands behind a structure that the host has too: it is laid out alike.
#define CHECK_LAYOUT(structure) LAYOUT_OF_##structure
#define LAYOUT_OF_Divisor \
    static_assert(offsetof(Divisor, factor) == 0, "Divisor::factor"); \
    static_assert(offsetof(Divisor, shift) == 4, "Divisor::shift"); \
    static_assert(sizeof(Divisor) == 8, "Divisor")
#define LAYOUT_OF_Tap \
    static_assert(offsetof(Tap, channel) == 0, "Tap::channel"); \
    static_assert(offsetof(Tap, down) == 4, "Tap::down"); \
    static_assert(offsetof(Tap, right) == 6, "Tap::right"); \
    static_assert(sizeof(Tap) == 8, "Tap")
#define LAYOUT_OF_Product \
    static_assert(offsetof(Product, images) == 0, "Product::images"); \
    static_assert(offsetof(Product, taps) == 8, "Product::taps"); \
    static_assert(offsetof(Product, weight) == 16, "Product::weight"); \
    static_assert(offsetof(Product, bias) == 24, "Product::bias"); \
    static_assert(offsetof(Product, mask) == 32, "Product::mask"); \
    static_assert(offsetof(Product, result) == 40, "Product::result"); \
    static_assert(offsetof(Product, gradient) == 48, "Product::gradient"); \
    static_assert(offsetof(Product, parts) == 56, "Product::parts"); \
    static_assert(offsetof(Product, count) == 64, "Product::count"); \
    static_assert(offsetof(Product, height) == 68, "Product::height"); \
    static_assert(offsetof(Product, width) == 72, "Product::width"); \
    static_assert(offsetof(Product, image_height) == 76, "Product::image_height"); \
    static_assert(offsetof(Product, image_width) == 80, "Product::image_width"); \
    static_assert(offsetof(Product, shift) == 84, "Product::shift"); \
    static_assert(offsetof(Product, stride) == 88, "Product::stride"); \
    static_assert(offsetof(Product, channels) == 92, "Product::channels"); \
    static_assert(offsetof(Product, image_len) == 96, "Product::image_len"); \
    static_assert(offsetof(Product, depth) == 100, "Product::depth"); \
    static_assert(offsetof(Product, results) == 104, "Product::results"); \
    static_assert(offsetof(Product, relu) == 108, "Product::relu"); \
    static_assert(offsetof(Product, phases) == 112, "Product::phases"); \
    static_assert(offsetof(Product, part_len) == 116, "Product::part_len"); \
    static_assert(offsetof(Product, area) == 120, "Product::area"); \
    static_assert(offsetof(Product, line) == 128, "Product::line"); \
    static_assert(sizeof(Product) == 136, "Product")
#define LAYOUT_OF_Weights \
    static_assert(offsetof(Weights, weight) == 0, "Weights::weight"); \
    static_assert(offsetof(Weights, forward) == 8, "Weights::forward"); \
    static_assert(offsetof(Weights, backward) == 16, "Weights::backward"); \
    static_assert(offsetof(Weights, algorithm) == 24, "Weights::algorithm"); \
    static_assert(offsetof(Weights, results) == 28, "Weights::results"); \
    static_assert(offsetof(Weights, channels) == 32, "Weights::channels"); \
    static_assert(offsetof(Weights, area) == 36, "Weights::area"); \
    static_assert(offsetof(Weights, result_stride) == 40, "Weights::result_stride"); \
    static_assert(offsetof(Weights, channel_stride) == 44, "Weights::channel_stride"); \
    static_assert(offsetof(Weights, forward_depth) == 48, "Weights::forward_depth"); \
    static_assert(offsetof(Weights, backward_depth) == 52, "Weights::backward_depth"); \
    static_assert(offsetof(Weights, rounds) == 56, "Weights::rounds"); \
    static_assert(sizeof(Weights) == 64, "Weights")
#define LAYOUT_OF_Parts \
    static_assert(offsetof(Parts, parts) == 0, "Parts::parts"); \
    static_assert(offsetof(Parts, weight) == 8, "Parts::weight"); \
    static_assert(offsetof(Parts, bias) == 16, "Parts::bias"); \
    static_assert(offsetof(Parts, count) == 24, "Parts::count"); \
    static_assert(offsetof(Parts, algorithm) == 28, "Parts::algorithm"); \
    static_assert(offsetof(Parts, results) == 32, "Parts::results"); \
    static_assert(offsetof(Parts, channels) == 36, "Parts::channels"); \
    static_assert(offsetof(Parts, area) == 40, "Parts::area"); \
    static_assert(offsetof(Parts, result_stride) == 44, "Parts::result_stride"); \
    static_assert(offsetof(Parts, channel_stride) == 48, "Parts::channel_stride"); \
    static_assert(offsetof(Parts, results_per_bias) == 52, "Parts::results_per_bias"); \
    static_assert(offsetof(Parts, depth) == 56, "Parts::depth"); \
    static_assert(sizeof(Parts) == 64, "Parts")
#define LAYOUT_OF_Spread \
    static_assert(offsetof(Spread, given) == 0, "Spread::given"); \
    static_assert(offsetof(Spread, result) == 8, "Spread::result"); \
    static_assert(offsetof(Spread, bias) == 16, "Spread::bias"); \
    static_assert(offsetof(Spread, count) == 24, "Spread::count"); \
    static_assert(offsetof(Spread, height) == 28, "Spread::height"); \
    static_assert(offsetof(Spread, width) == 32, "Spread::width"); \
    static_assert(offsetof(Spread, shift) == 36, "Spread::shift"); \
    static_assert(offsetof(Spread, results) == 40, "Spread::results"); \
    static_assert(offsetof(Spread, kernel) == 44, "Spread::kernel"); \
    static_assert(offsetof(Spread, relu) == 48, "Spread::relu"); \
    static_assert(offsetof(Spread, stride) == 52, "Spread::stride"); \
    static_assert(offsetof(Spread, padding) == 56, "Spread::padding"); \
    static_assert(offsetof(Spread, mask) == 64, "Spread::mask"); \
    static_assert(sizeof(Spread) == 72, "Spread")
#define LAYOUT_OF_Key \
    static_assert(offsetof(Key, seed) == 0, "Key::seed"); \
    static_assert(offsetof(Key, purpose_and_epoch) == 8, "Key::purpose_and_epoch"); \
    static_assert(sizeof(Key) == 12, "Key")
#define LAYOUT_OF_Preparation \
    static_assert(offsetof(Preparation, images) == 0, "Preparation::images"); \
    static_assert(offsetof(Preparation, indices) == 8, "Preparation::indices"); \
    static_assert(offsetof(Preparation, input) == 16, "Preparation::input"); \
    static_assert(offsetof(Preparation, target) == 24, "Preparation::target"); \
    static_assert(offsetof(Preparation, count) == 32, "Preparation::count"); \
    static_assert(offsetof(Preparation, size) == 36, "Preparation::size"); \
    static_assert(offsetof(Preparation, added) == 40, "Preparation::added"); \
    static_assert(offsetof(Preparation, corruption) == 44, "Preparation::corruption"); \
    static_assert(offsetof(Preparation, binarization) == 48, "Preparation::binarization"); \
    static_assert(offsetof(Preparation, has_range) == 52, "Preparation::has_range"); \
    static_assert(offsetof(Preparation, low) == 56, "Preparation::low"); \
    static_assert(offsetof(Preparation, high) == 64, "Preparation::high"); \
    static_assert(offsetof(Preparation, corruption_key) == 72, "Preparation::corruption_key"); \
    static_assert(offsetof(Preparation, binarization_key) == 84, "Preparation::binarization_key"); \
    static_assert(sizeof(Preparation) == 96, "Preparation")
#define LAYOUT_OF_Status \
    static_assert(offsetof(Status, loss_sum) == 0, "Status::loss_sum"); \
    static_assert(offsetof(Status, kl_sum) == 8, "Status::kl_sum"); \
    static_assert(offsetof(Status, loss) == 16, "Status::loss"); \
    static_assert(offsetof(Status, norm) == 24, "Status::norm"); \
    static_assert(offsetof(Status, factor) == 32, "Status::factor"); \
    static_assert(offsetof(Status, steps) == 40, "Status::steps"); \
    static_assert(offsetof(Status, failure) == 48, "Status::failure"); \
    static_assert(sizeof(Status) == 56, "Status")
#define LAYOUT_OF_LossTerms \
    static_assert(offsetof(LossTerms, distance) == 0, "LossTerms::distance"); \
    static_assert(offsetof(LossTerms, constant) == 8, "LossTerms::constant"); \
    static_assert(offsetof(LossTerms, penalty) == 16, "LossTerms::penalty"); \
    static_assert(offsetof(LossTerms, kl) == 24, "LossTerms::kl"); \
    static_assert(offsetof(LossTerms, limit) == 32, "LossTerms::limit"); \
    static_assert(sizeof(LossTerms) == 40, "LossTerms")
#define LAYOUT_OF_Variable \
    static_assert(offsetof(Variable, value) == 0, "Variable::value"); \
    static_assert(offsetof(Variable, gradient) == 8, "Variable::gradient"); \
    static_assert(offsetof(Variable, state) == 16, "Variable::state"); \
    static_assert(offsetof(Variable, len) == 32, "Variable::len"); \
    static_assert(sizeof(Variable) == 40, "Variable")
#define LAYOUT_OF_OptimizerStep \
    static_assert(offsetof(OptimizerStep, rule) == 0, "OptimizerStep::rule"); \
    static_assert(offsetof(OptimizerStep, settings) == 4, "OptimizerStep::settings"); \
    static_assert(sizeof(OptimizerStep) == 40, "OptimizerStep")

__device__ __forceinline__ float linear_value(float x) {
    return x;
}

__device__ __forceinline__ float relu_value(float x) {
    const float v0 = x <= 0.0f ? 0.0f : x;
    return v0;
}

__device__ __forceinline__ float leaky_relu_value(float x, float parameter) {
    const float v0 = x * parameter;
    const float v1 = x <= 0.0f ? v0 : x;
    return v1;
}

__device__ __forceinline__ float sigmoid_value(float x) {
    const float v0 = 1.0f / (1.0f + expf(-x));
    return v0;
}

__device__ __forceinline__ float tanh_value(float x) {
    const float v0 = tanhf(x);
    return v0;
}

__device__ __forceinline__ float elu_value(float x, float parameter) {
    const float v0 = expm1f(x);
    const float v1 = v0 * parameter;
    const float v2 = x <= 0.0f ? v1 : x;
    return v2;
}

__device__ __forceinline__ float swish_value(float x, float parameter) {
    const float v0 = x * parameter;
    const float v1 = 1.0f / (1.0f + expf(-v0));
    const float v2 = x * v1;
    return v2;
}

__device__ __forceinline__ float softplus_value(float x) {
    const float v0 = fmaxf(x, 0.0f);
    const float v1 = log1pf(expf(-fabsf(x)));
    const float v2 = v0 + v1;
    return v2;
}

__device__ __forceinline__ float gelu_value(float x) {
    const float v0 = 0.5f * erfcf(-0.70710678f * x);
    const float v1 = x * v0;
    return v1;
}

__device__ __forceinline__ float gelu_tanh_value(float x) {
    const float v0 = x * 0.5f;
    const float v1 = x >= 20.0f ? 20.0f : x;
    const float v2 = x <= (-20.0f) ? (-20.0f) : v1;
    const float v3 = v2 * 0.044715f;
    const float v4 = v3 * v2;
    const float v5 = v4 * v2;
    const float v6 = v2 + v5;
    const float v7 = v6 * 0.7978846f;
    const float v8 = tanhf(v7);
    const float v9 = v8 + 1.0f;
    const float v10 = v0 * v9;
    return v10;
}

__device__ __forceinline__ float sin_value(float x) {
    const float v0 = sinf(x);
    return v0;
}

__device__ __forceinline__ float capped_linear_value(float x, float parameter) {
    const float v0 = x >= parameter ? parameter : x;
    return v0;
}

__device__ __forceinline__ float capped_relu_value(float x, float parameter) {
    const float v0 = x >= parameter ? parameter : x;
    const float v1 = x <= 0.0f ? 0.0f : v0;
    return v1;
}

__device__ __forceinline__ float saturated_linear_value(float x) {
    const float v0 = x >= 1.0f ? 1.0f : x;
    const float v1 = x <= 0.0f ? 0.0f : v0;
    return v1;
}

__device__ __forceinline__ float isru_value(float x, float parameter) {
    const float v0 = x >= 1e30f ? 1e30f : x;
    const float v1 = x <= (-1e30f) ? (-1e30f) : v0;
    const float v2 = sqrtf(parameter);
    const float v3 = v2 * v1;
    const float v4 = hypotf(v3, 1.0f);
    const float v5 = v1 / v4;
    return v5;
}

__device__ __forceinline__ float arctan_value(float x) {
    const float v0 = atanf(x);
    const float v1 = v0 * 0.63661975f;
    return v1;
}

__device__ __forceinline__ float elliot_value(float x) {
    const float v0 = fabsf(x);
    const float v1 = v0 + 1.0f;
    const float v2 = x / v1;
    return v2;
}

__device__ __forceinline__ float arcsinh_value(float x) {
    const float v0 = asinhf(x);
    return v0;
}

__device__ __forceinline__ float logarithmic_value(float x) {
    const float v0 = static_cast<float>((x > 0.0f) - (x < 0.0f));
    const float v1 = fabsf(x);
    const float v2 = log1pf(v1);
    const float v3 = v0 * v2;
    return v3;
}

__device__ __forceinline__ float activation_value(int32_t kind, float parameter, float x) {
    switch (kind) {
        case LINEAR: return linear_value(x);
        case RELU: return relu_value(x);
        case LEAKY_RELU: return leaky_relu_value(x, parameter);
        case SIGMOID: return sigmoid_value(x);
        case TANH: return tanh_value(x);
        case ELU: return elu_value(x, parameter);
        case SWISH: return swish_value(x, parameter);
        case SOFTPLUS: return softplus_value(x);
        case GELU: return gelu_value(x);
        case GELU_TANH: return gelu_tanh_value(x);
        case SIN: return sin_value(x);
        case CAPPED_LINEAR: return capped_linear_value(x, parameter);
        case CAPPED_RELU: return capped_relu_value(x, parameter);
        case SATURATED_LINEAR: return saturated_linear_value(x);
        case ISRU: return isru_value(x, parameter);
        case ARCTAN: return arctan_value(x);
        case ELLIOT: return elliot_value(x);
        case ARCSINH: return arcsinh_value(x);
        case LOGARITHMIC: return logarithmic_value(x);
        default: return x;
    }
}

__device__ __forceinline__ float linear_derivative(float) {
    return 1.0f;
}

__device__ __forceinline__ float relu_derivative(float x) {
    const float v0 = x <= 0.0f ? 0.0f : x;
    const float v1 = v0 <= 0.0f ? 0.0f : 1.0f;
    return v1;
}

__device__ __forceinline__ float leaky_relu_derivative(float x, float parameter) {
    const float v0 = x * parameter;
    const float v1 = x <= 0.0f ? v0 : x;
    const float v2 = 1.0f * parameter;
    const float v3 = v1 <= 0.0f ? v2 : 1.0f;
    return v3;
}

__device__ __forceinline__ float sigmoid_derivative(float x) {
    const float v0 = 1.0f / (1.0f + expf(-x));
    const float v1 = 1.0f * v0;
    const float v2 = 1.0f - v0;
    const float v3 = v1 * v2;
    return v3;
}

__device__ __forceinline__ float tanh_derivative(float x) {
    const float v0 = tanhf(x);
    const float v1 = v0 * v0;
    const float v2 = 1.0f - v1;
    return v2;
}

__device__ __forceinline__ float elu_derivative(float x, float parameter) {
    const float v0 = expm1f(x);
    const float v1 = v0 * parameter;
    const float v2 = x <= 0.0f ? v1 : x;
    const float v3 = v2 + parameter;
    const float v4 = v2 <= 0.0f ? v3 : 1.0f;
    return v4;
}

__device__ __forceinline__ float swish_derivative(float x, float parameter) {
    const float v0 = x * parameter;
    const float v1 = v0 >= 1000.0f ? 1000.0f : v0;
    const float v2 = v0 <= (-1000.0f) ? (-1000.0f) : v1;
    const float v3 = 1.0f / (1.0f + expf(-v2));
    const float v4 = v2 * v3;
    const float v5 = 1.0f - v3;
    const float v6 = v4 * v5;
    const float v7 = v3 + v6;
    return v7;
}

__device__ __forceinline__ float softplus_derivative(float x) {
    const float v0 = 1.0f / (1.0f + expf(-x));
    return v0;
}

__device__ __forceinline__ float gelu_derivative(float x) {
    const float v0 = x * (-0.5f);
    const float v1 = v0 * x;
    const float v2 = expf(v1);
    const float v3 = 0.5f * erfcf(-0.70710678f * x);
    const float v4 = x * 0.3989423f;
    const float v5 = v4 * v2;
    const float v6 = v3 + v5;
    return v6;
}

__device__ __forceinline__ float gelu_tanh_derivative(float x) {
    const float v0 = x >= 20.0f ? 20.0f : x;
    const float v1 = x <= (-20.0f) ? (-20.0f) : v0;
    const float v2 = v1 * 0.044715f;
    const float v3 = v2 * v1;
    const float v4 = v3 * v1;
    const float v5 = v1 + v4;
    const float v6 = v5 * 0.7978846f;
    const float v7 = tanhf(v6);
    const float v8 = v1 * 0.134145f;
    const float v9 = v8 * v1;
    const float v10 = v9 + 1.0f;
    const float v11 = v10 * 0.7978846f;
    const float v12 = v7 + 1.0f;
    const float v13 = v12 * 0.5f;
    const float v14 = v1 * 0.5f;
    const float v15 = v7 * v7;
    const float v16 = 1.0f - v15;
    const float v17 = v14 * v16;
    const float v18 = v17 * v11;
    const float v19 = v13 + v18;
    return v19;
}

__device__ __forceinline__ float sin_derivative(float x) {
    const float v0 = cosf(x);
    return v0;
}

__device__ __forceinline__ float capped_linear_derivative(float x, float parameter) {
    const float v0 = x >= parameter ? parameter : x;
    const float v1 = v0 >= parameter ? 0.0f : 1.0f;
    return v1;
}

__device__ __forceinline__ float capped_relu_derivative(float x, float parameter) {
    const float v0 = x >= parameter ? parameter : x;
    const float v1 = x <= 0.0f ? 0.0f : v0;
    const float v2 = v1 >= parameter ? 0.0f : 1.0f;
    const float v3 = v1 <= 0.0f ? 0.0f : v2;
    return v3;
}

__device__ __forceinline__ float saturated_linear_derivative(float x) {
    const float v0 = x >= 1.0f ? 1.0f : x;
    const float v1 = x <= 0.0f ? 0.0f : v0;
    const float v2 = v1 >= 1.0f ? 0.0f : 1.0f;
    const float v3 = v1 <= 0.0f ? 0.0f : v2;
    return v3;
}

__device__ __forceinline__ float isru_derivative(float x, float parameter) {
    const float v0 = sqrtf(parameter);
    const float v1 = v0 * x;
    const float v2 = hypotf(v1, 1.0f);
    const float v3 = 1.0f / v2;
    const float v4 = v3 * v3;
    const float v5 = v4 * v3;
    return v5;
}

__device__ __forceinline__ float arctan_derivative(float x) {
    const float v0 = x * x;
    const float v1 = v0 + 1.0f;
    const float v2 = 1.0f / v1;
    const float v3 = v2 * 0.63661975f;
    return v3;
}

__device__ __forceinline__ float elliot_derivative(float x) {
    const float v0 = fabsf(x);
    const float v1 = v0 + 1.0f;
    const float v2 = 1.0f / v1;
    const float v3 = v2 * v2;
    return v3;
}

__device__ __forceinline__ float arcsinh_derivative(float x) {
    const float v0 = hypotf(x, 1.0f);
    const float v1 = 1.0f / v0;
    return v1;
}

__device__ __forceinline__ float logarithmic_derivative(float x) {
    const float v0 = fabsf(x);
    const float v1 = v0 + 1.0f;
    const float v2 = 1.0f / v1;
    return v2;
}

__device__ __forceinline__ float activation_derivative(int32_t kind, float parameter, float x) {
    switch (kind) {
        case LINEAR: return linear_derivative(x);
        case RELU: return relu_derivative(x);
        case LEAKY_RELU: return leaky_relu_derivative(x, parameter);
        case SIGMOID: return sigmoid_derivative(x);
        case TANH: return tanh_derivative(x);
        case ELU: return elu_derivative(x, parameter);
        case SWISH: return swish_derivative(x, parameter);
        case SOFTPLUS: return softplus_derivative(x);
        case GELU: return gelu_derivative(x);
        case GELU_TANH: return gelu_tanh_derivative(x);
        case SIN: return sin_derivative(x);
        case CAPPED_LINEAR: return capped_linear_derivative(x, parameter);
        case CAPPED_RELU: return capped_relu_derivative(x, parameter);
        case SATURATED_LINEAR: return saturated_linear_derivative(x);
        case ISRU: return isru_derivative(x, parameter);
        case ARCTAN: return arctan_derivative(x);
        case ELLIOT: return elliot_derivative(x);
        case ARCSINH: return arcsinh_derivative(x);
        case LOGARITHMIC: return logarithmic_derivative(x);
        default: return x;
    }
}

__device__ __forceinline__ void loss_terms(int32_t kind, float x, float t, float& term, float& derivative) {
    switch (kind) {
        case BCE: {
            const float v0 = fmaxf(x, 0.0f);
            const float v1 = x * t;
            const float v2 = v0 - v1;
            const float v3 = log1pf(expf(-fabsf(x)));
            const float v4 = v2 + v3;
            const float v5 = 1.0f / (1.0f + expf(-x));
            const float v6 = v5 - t;
            term = v4;
            derivative = v6;
            break;
        }
        case MSE: {
            const float v0 = x - t;
            const float v1 = v0 * v0;
            const float v2 = x - t;
            const float v3 = v2 + v2;
            term = v1;
            derivative = v3;
            break;
        }
        case MAE: {
            const float v0 = x - t;
            const float v1 = fabsf(v0);
            const float v2 = x - t;
            const float v3 = static_cast<float>((v2 > 0.0f) - (v2 < 0.0f));
            term = v1;
            derivative = v3;
            break;
        }
    }
}

__device__ __forceinline__ void optimizer_rule(int32_t rule, const float (&settings)[SETTINGS], float gradient, float& value, float (&state)[STATES]) {
    switch (rule) {
        case DESCENT: {
            const float v0 = gradient * settings[0];
            const float v1 = value - v0;
            value = v1;
            break;
        }
        case MOMENTUM: {
            const float v0 = state[0] * settings[1];
            const float v1 = v0 + gradient;
            const float v2 = v1 * settings[0];
            const float v3 = value - v2;
            value = v3;
            state[0] = v1;
            break;
        }
        case NESTEROV: {
            const float v0 = state[0] * settings[1];
            const float v1 = v0 + gradient;
            const float v2 = v1 * settings[1];
            const float v3 = gradient + v2;
            const float v4 = v3 * settings[0];
            const float v5 = value - v4;
            value = v5;
            state[0] = v1;
            break;
        }
        case QUOTIENT: {
            const float v0 = state[0] * settings[1];
            const float v1 = gradient * gradient;
            const float v2 = v1 * settings[2];
            const float v3 = v0 + v2;
            const float v4 = sqrtf(v3);
            const float v5 = v4 + settings[3];
            const float v6 = gradient / v5;
            const float v7 = v6 * settings[0];
            const float v8 = value - v7;
            value = v8;
            state[0] = v3;
            break;
        }
        case QUOTIENT_INSIDE: {
            const float v0 = state[0] * settings[1];
            const float v1 = gradient * gradient;
            const float v2 = v1 * settings[2];
            const float v3 = v0 + v2;
            const float v4 = v3 + settings[3];
            const float v5 = sqrtf(v4);
            const float v6 = gradient / v5;
            const float v7 = v6 * settings[0];
            const float v8 = value - v7;
            value = v8;
            state[0] = v3;
            break;
        }
        case QUOTIENT_MOMENTUM: {
            const float v0 = state[0] * settings[1];
            const float v1 = gradient * gradient;
            const float v2 = v1 * settings[2];
            const float v3 = v0 + v2;
            const float v4 = sqrtf(v3);
            const float v5 = v4 + settings[3];
            const float v6 = gradient / v5;
            const float v7 = state[1] * settings[4];
            const float v8 = v7 + v6;
            const float v9 = v8 * settings[0];
            const float v10 = value - v9;
            value = v10;
            state[0] = v3;
            state[1] = v8;
            break;
        }
        case QUOTIENT_MOMENTUM_INSIDE: {
            const float v0 = state[0] * settings[1];
            const float v1 = gradient * gradient;
            const float v2 = v1 * settings[2];
            const float v3 = v0 + v2;
            const float v4 = v3 + settings[3];
            const float v5 = sqrtf(v4);
            const float v6 = gradient / v5;
            const float v7 = state[1] * settings[4];
            const float v8 = v7 + v6;
            const float v9 = v8 * settings[0];
            const float v10 = value - v9;
            value = v10;
            state[0] = v3;
            state[1] = v8;
            break;
        }
        case ADADELTA: {
            const float v0 = state[0] * settings[1];
            const float v1 = gradient * gradient;
            const float v2 = v1 * settings[2];
            const float v3 = v0 + v2;
            const float v4 = state[1] + settings[3];
            const float v5 = sqrtf(v4);
            const float v6 = v3 + settings[3];
            const float v7 = sqrtf(v6);
            const float v8 = v5 / v7;
            const float v9 = gradient * v8;
            const float v10 = state[1] * settings[1];
            const float v11 = v9 * v9;
            const float v12 = v11 * settings[2];
            const float v13 = v10 + v12;
            const float v14 = v9 * settings[0];
            const float v15 = value - v14;
            value = v15;
            state[0] = v3;
            state[1] = v13;
            break;
        }
        case ADAM: {
            const float v0 = gradient * gradient;
            const float v1 = state[0] * settings[1];
            const float v2 = gradient * settings[2];
            const float v3 = v1 + v2;
            const float v4 = state[1] * settings[3];
            const float v5 = v0 * settings[4];
            const float v6 = v4 + v5;
            const float v7 = v6 * settings[6];
            const float v8 = sqrtf(v7);
            const float v9 = v3 * settings[5];
            const float v10 = v8 + settings[7];
            const float v11 = v9 / v10;
            const float v12 = v11 * settings[0];
            const float v13 = value - v12;
            value = v13;
            state[0] = v3;
            state[1] = v6;
            break;
        }
        case ADAM_W: {
            const float v0 = value * settings[8];
            const float v1 = gradient * gradient;
            const float v2 = state[0] * settings[1];
            const float v3 = gradient * settings[2];
            const float v4 = v2 + v3;
            const float v5 = state[1] * settings[3];
            const float v6 = v1 * settings[4];
            const float v7 = v5 + v6;
            const float v8 = v7 * settings[6];
            const float v9 = sqrtf(v8);
            const float v10 = v4 * settings[5];
            const float v11 = v9 + settings[7];
            const float v12 = v10 / v11;
            const float v13 = v12 * settings[0];
            const float v14 = v0 - v13;
            value = v14;
            state[0] = v4;
            state[1] = v7;
            break;
        }
    }
}
