// Weights as the products read them, and their gradients as PyTorch has them: (results, channels, kernel, kernel).
#include "card.cuh"
#include "instructions.cuh"

struct Weights {
    const float* weight;
    // (results, forward_depth) and (channels, backward_depth).
    float* forward;
    float* backward;
    int32_t results, channels;
    // Places of the kernel.
    int32_t area;
    int32_t forward_depth, backward_depth;
    // Whether products take TF32.
    int32_t rounds;
};

__device__ __forceinline__ float rounded(const Weights& l, float weight) {
    return l.rounds ? __uint_as_float(round_tf32(weight) & ~((1u << 13) - 1)) : weight;
}

// Block (x, y): part x of layer y. Depths go by place and channel; backward, the kernel is read from its end, and
// results and channels are exchanged. What is behind is filled up with zeros.
extern "C" __global__ void pack_weights(const Weights* layers) {
    const Weights l = layers[blockIdx.y];
    const int64_t forward_len = static_cast<int64_t>(l.results) * l.forward_depth;
    for (int64_t place = first_place(); place < forward_len; place += stride()) {
        const int64_t result = place / l.forward_depth;
        const int depth = static_cast<int>(place - result * l.forward_depth);
        const int spot = depth / l.channels, channel = depth - spot * l.channels;
        const int64_t from = (result * l.channels + channel) * l.area + spot;
        l.forward[place] = spot < l.area ? rounded(l, l.weight[from]) : 0.0f;
    }
    const int64_t backward_len = static_cast<int64_t>(l.channels) * l.backward_depth;
    for (int64_t place = first_place(); place < backward_len; place += stride()) {
        const int64_t channel = place / l.backward_depth;
        const int depth = static_cast<int>(place - channel * l.backward_depth);
        const int spot = depth / l.results, result = depth - spot * l.results;
        const int64_t from = (static_cast<int64_t>(result) * l.channels + channel) * l.area + l.area - 1 - spot;
        l.backward[place] = spot < l.area ? rounded(l, l.weight[from]) : 0.0f;
    }
}

// The gradients of weights and biases from their parts (count, results, depth), added in order: the bias stands
// behind the last channel of the last place.
extern "C" __global__ void sum_parts(const float* parts, float* weight, float* bias, int32_t count,
                                     int32_t results, int32_t channels, int32_t area, int32_t depth) {
    const int64_t len = static_cast<int64_t>(results) * depth;
    for (int64_t place = first_place(); place < len; place += stride()) {
        const int64_t result = place / depth;
        const int number = static_cast<int>(place - result * depth);
        const int spot = number / channels, channel = number - spot * channels;
        const bool is_bias = number == channels * area && bias;
        if (spot >= area && !is_bias) continue;
        float sum = 0.0f;
        for (int part = 0; part < count; ++part) sum += parts[part * len + place];
        if (is_bias) {
            bias[result] = sum;
        } else {
            weight[(result * channels + channel) * area + spot] = sum;
        }
    }
}
