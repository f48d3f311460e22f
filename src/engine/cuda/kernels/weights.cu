// Weights as the products read them, and their gradients as PyTorch has them: (results, channels, kernel, kernel).
#include "card.cuh"
#include "instructions.cuh"

struct Weights {
    const float* weight;
    // For the results and for the gradient of the inputs, with their depths.
    float* forward;
    float* backward;
    ConvAlgorithm algorithm;
    int32_t results, channels;
    // Places of the kernel, which are next to each other in `weight`; from one result and one channel to the next.
    int32_t area, result_stride, channel_stride;
    int32_t forward_depth, backward_depth;
    // Whether products take TF32.
    int32_t rounds;

    __device__ __forceinline__ float at(int64_t result, int channel, int spot) const {
        return weight[result * result_stride + static_cast<int64_t>(channel) * channel_stride + spot];
    }
};
CHECK_LAYOUT(Weights);

// A kernel of 3x3 on an image upsampled by two is one of 2x2 on the image itself, another for even and for odd rows
// and columns: in each direction an even place reads w0 of the pixel before its own and w1 + w2 of that, an odd one
// w0 + w1 of its own and w2 of the next. Tap `tap` of phase `phase` holds the weights from the first to the last.
__device__ __forceinline__ int first_weight(int phase, int tap) { return tap * (1 + phase); }
__device__ __forceinline__ int last_weight(int phase, int tap) { return first_weight(phase, tap) + (phase + tap == 1); }
// The tap of a phase that holds a weight.
__device__ __forceinline__ int tap_of(int phase, int weight) { return phase == 0 ? weight > 0 : weight > 1; }

__device__ __forceinline__ float phase_weight(const Weights& l, int64_t result, int channel, int down, int down_tap,
                                              int right, int right_tap) {
    float sum = 0.0f;
    for (int i = first_weight(down, down_tap); i <= last_weight(down, down_tap); ++i) {
        for (int j = first_weight(right, right_tap); j <= last_weight(right, right_tap); ++j) {
            sum += l.at(result, channel, i * 3 + j);
        }
    }
    return sum;
}

__device__ __forceinline__ float forward_weight(const Weights& l, int64_t line, int depth) {
    if (l.algorithm == SPREAD) return depth < l.channels ? l.at(line / l.area, depth, line % l.area) : 0.0f;
    const int spot = depth / l.channels, channel = depth - spot * l.channels;
    if (l.algorithm != PHASES) return spot < l.area ? l.at(line, channel, spot) : 0.0f;
    if (spot >= 4) return 0.0f;
    const int phase = static_cast<int>(line / l.results);
    return phase_weight(l, line % l.results, channel, phase / 2, spot / 2, phase % 2, spot % 2);
}

__device__ __forceinline__ float backward_weight(const Weights& l, int line, int depth) {
    if (l.algorithm == STRIDED) return depth < l.results ? l.at(depth, line / l.area, line % l.area) : 0.0f;
    const int channel = line;
    if (l.algorithm == SPREAD) return depth < l.results * l.area ? l.at(depth / l.area, channel, depth % l.area) : 0.0f;
    const int spot = depth / l.results, result = depth - spot * l.results;
    // The kernel from its end.
    if (l.algorithm == GATHER) return spot < l.area ? l.at(result, channel, l.area - 1 - spot) : 0.0f;
    if (spot >= 16) return 0.0f;
    // Results one before to two behind read the pixel, those of odd phase through odd distances.
    const int down = spot / 4 - 1, right = spot % 4 - 1;
    const int down_phase = down & 1, right_phase = right & 1;
    return phase_weight(l, result, channel, down_phase, (2 - down_phase - down) / 2, right_phase,
                        (2 - right_phase - right) / 2);
}

__device__ __forceinline__ float rounded(const Weights& l, float weight) {
    return l.rounds ? __uint_as_float(round_tf32(weight) & ~((1u << 13) - 1)) : weight;
}

// Block (x, y): part x of layer y.
extern "C" __global__ void pack_weights(const Weights* layers) {
    const Weights l = layers[blockIdx.y];
    const int64_t lines = static_cast<int64_t>(l.results) * (l.algorithm == SPREAD ? l.area : l.algorithm == PHASES ? 4 : 1);
    for (int64_t place = first_place(); place < lines * l.forward_depth; place += stride()) {
        const int64_t line = quotient(place, l.forward_depth);
        l.forward[place] = rounded(l, forward_weight(l, line, static_cast<int>(place - line * l.forward_depth)));
    }
    const int64_t backward_lines = static_cast<int64_t>(l.channels) * (l.algorithm == STRIDED ? l.area : 1);
    for (int64_t place = first_place(); place < backward_lines * l.backward_depth; place += stride()) {
        const int line = static_cast<int>(quotient(place, l.backward_depth));
        const int depth = static_cast<int>(place - static_cast<int64_t>(line) * l.backward_depth);
        l.backward[place] = rounded(l, backward_weight(l, line, depth));
    }
}

constexpr int LANES = SUM_LANES;

struct Parts {
    // (count, lines, depth)
    const float* parts;
    float* weight;
    // Or null.
    float* bias;
    int32_t count;
    ConvAlgorithm algorithm;
    int32_t results, channels, area;
    // As of the weights; and how many results share a bias.
    int32_t result_stride, channel_stride, results_per_bias;
    int32_t depth;

    // The sum over every LANES-th part.
    __device__ __forceinline__ float sum(int lane, int64_t line, int at) const {
        const int64_t len = static_cast<int64_t>(results) * (algorithm == SPREAD ? area : algorithm == PHASES ? 4 : 1) * depth;
        const float* from = parts + line * depth + at;
        float sum = 0.0f;
#pragma unroll 4
        for (int part = lane; part < count; part += LANES) sum += from[part * len];
        return sum;
    }

    __device__ __forceinline__ float of_weight(int lane, int result, int spot, int channel) const {
        if (algorithm == SPREAD) return sum(lane, static_cast<int64_t>(result) * area + spot, channel);
        if (algorithm != PHASES) return sum(lane, result, spot * channels + channel);
        float total = 0.0f;
        for (int phase = 0; phase < 4; ++phase) {
            const int tap = tap_of(phase / 2, spot / 3) * 2 + tap_of(phase % 2, spot % 3);
            total += sum(lane, static_cast<int64_t>(phase) * results + result, tap * channels + channel);
        }
        return total;
    }

    // Behind the channels of all taps stands the one that is always 1. Of a spread layer, results reach all of their
    // own images by the middle of the kernel.
    __device__ __forceinline__ float of_bias(int lane, int result) const {
        if (algorithm == SPREAD) return sum(lane, static_cast<int64_t>(result) * area + area / 2, channels);
        float total = 0.0f;
        if (algorithm != PHASES) {
            const int first = result * results_per_bias;
            for (int i = 0; i < results_per_bias; ++i) total += sum(lane, first + i, area * channels);
            return total;
        }
        for (int phase = 0; phase < 4; ++phase) {
            total += sum(lane, static_cast<int64_t>(phase) * results + result, 4 * channels);
        }
        return total;
    }
};
CHECK_LAYOUT(Parts);

// The gradients of weights and biases from their parts: warp `lane` of a block sums every LANES-th part for values that
// are next to each other, and the sums of the lanes are added in order.
extern "C" __global__ void sum_parts(Parts p) {
    __shared__ float sums[LANES][THREADS / LANES];
    const int lane = threadIdx.x / (THREADS / LANES), own = threadIdx.x % (THREADS / LANES);
    const int64_t weights = static_cast<int64_t>(p.results) * p.area * p.channels;
    const int64_t len = weights + (p.bias ? p.results / p.results_per_bias : 0);
    for (int64_t first = blockIdx.x * (THREADS / LANES); first < len; first += gridDim.x * (THREADS / LANES)) {
        const int64_t place = first + own;
        // Channels are next to each other in the parts.
        const int64_t line = quotient(place, p.channels);
        const int channel = static_cast<int>(place - line * p.channels);
        const int result = static_cast<int>(quotient(line, p.area)), spot = static_cast<int>(line - result * p.area);
        float sum = 0.0f;
        if (place < weights) {
            sum = p.of_weight(lane, result, spot, channel);
        } else if (place < len) {
            sum = p.of_bias(lane, static_cast<int>(place - weights));
        }
        sums[lane][own] = sum;
        __syncthreads();
        if (lane == 0 && place < len) {
            float total = 0.0f;
            for (int i = 0; i < LANES; ++i) total += sums[i][own];
            if (place < weights) {
                const int64_t from = static_cast<int64_t>(result) * p.result_stride;
                p.weight[from + static_cast<int64_t>(channel) * p.channel_stride + spot] = total;
            } else {
                p.bias[place - weights] = total;
            }
        }
        __syncthreads();
    }
}

// A convolution with few results goes from the pixels that are read: each gives what it adds to the results around it,
// and results add that up.
struct Spread {
    // (count, height >> shift, width >> shift, results, kernel kernel)
    float* given;
    // (count, height, width, results)
    float* result;
    // Of the results, or null.
    const float* bias;
    int32_t count;
    int32_t height, width, shift;
    int32_t results, kernel;
    int32_t relu;
    // Of the strided kernels: pixels are `stride` rows and columns apart, with `padding` of zeros around the image.
    int32_t stride, padding;
    // Or null: results are kept where this is above 0.
    const float* mask;
};
CHECK_LAYOUT(Spread);

// result = what the pixels around it give, and bias.
extern "C" __global__ void spread(Spread s) {
    const int half = s.kernel / 2, area = s.kernel * s.kernel;
    const int64_t len = static_cast<int64_t>(s.count) * s.height * s.width * s.results;
    for (int64_t place = first_place(); place < len; place += stride()) {
        const int64_t pixel = quotient(place, s.results);
        const int result = static_cast<int>(place - pixel * s.results);
        const int64_t row = quotient(pixel, s.width);
        const int right = static_cast<int>(pixel - row * s.width);
        const int64_t image = quotient(row, s.height);
        const int down = static_cast<int>(row - image * s.height);
        float sum = s.bias ? s.bias[result] : 0.0f;
        for (int spot = 0; spot < area; ++spot) {
            const int i = down + spot / s.kernel - half, j = right + spot % s.kernel - half;
            if (i < 0 || i >= s.height || j < 0 || j >= s.width) continue;
            const int64_t line = image * (s.height >> s.shift) + (i >> s.shift);
            const int64_t from = line * (s.width >> s.shift) + (j >> s.shift);
            sum += s.given[(from * s.results + result) * area + spot];
        }
        s.result[place] = s.relu ? relu_value(sum) : sum;
    }
}

// The gradient of what is given from that of the results.
extern "C" __global__ void collect(Spread s) {
    const int half = s.kernel / 2, area = s.kernel * s.kernel;
    const int height = s.height >> s.shift, width = s.width >> s.shift;
    const int64_t len = static_cast<int64_t>(s.count) * height * width * s.results * area;
    for (int64_t place = first_place(); place < len; place += stride()) {
        const int64_t line = quotient(place, area);
        const int spot = static_cast<int>(place - line * area);
        const int64_t pixel = quotient(line, s.results);
        const int result = static_cast<int>(line - pixel * s.results);
        const int64_t row = quotient(pixel, width);
        const int64_t image = quotient(row, height);
        // The results that read the pixel, one for each repetition of it.
        const int first_down = (static_cast<int>(row - image * height) << s.shift) - spot / s.kernel + half;
        const int first_right = (static_cast<int>(pixel - row * width) << s.shift) - spot % s.kernel + half;
        float sum = 0.0f;
        for (int i = max(first_down, 0); i < min(first_down + (1 << s.shift), s.height); ++i) {
            for (int j = max(first_right, 0); j < min(first_right + (1 << s.shift), s.width); ++j) {
                sum += s.result[((image * s.height + i) * s.width + j) * s.results + result];
            }
        }
        s.given[place] = sum;
    }
}

// As spread, from pixels (count, height / stride, width / stride, results, kernel kernel) that are a stride apart: the
// results of a transposed convolution, and the gradient of what a strided one reads.
extern "C" __global__ void spread_strided(Spread s) {
    const int area = s.kernel * s.kernel;
    const int height = s.height / s.stride, width = s.width / s.stride;
    const int64_t len = static_cast<int64_t>(s.count) * s.height * s.width * s.results;
    for (int64_t place = first_place(); place < len; place += stride()) {
        const int64_t pixel = quotient(place, s.results);
        const int result = static_cast<int>(place - pixel * s.results);
        const int64_t row = quotient(pixel, s.width);
        const int64_t image = quotient(row, s.height);
        const int down = static_cast<int>(row - image * s.height) + s.padding;
        const int right = static_cast<int>(pixel - row * s.width) + s.padding;
        float sum = s.bias ? s.bias[result] : 0.0f;
        for (int u = down % s.stride; u < s.kernel && u <= down; u += s.stride) {
            const int i = (down - u) / s.stride;
            for (int v = right % s.stride; v < s.kernel && v <= right; v += s.stride) {
                const int j = (right - v) / s.stride;
                if (i >= height || j >= width) continue;
                const int64_t from = (image * height + i) * width + j;
                sum += s.given[(from * s.results + result) * area + u * s.kernel + v];
            }
        }
        if (s.relu) sum = relu_value(sum);
        s.result[place] = s.mask && s.mask[place] <= 0.0f ? 0.0f : sum;
    }
}

// The gradient of what is given from that of the results, where kernels do not overlap: each has one place.
extern "C" __global__ void collect_blocks(Spread s) {
    const int area = s.kernel * s.kernel;
    const int height = s.height / s.stride, width = s.width / s.stride;
    const int64_t len = static_cast<int64_t>(s.count) * height * width * s.results * area;
    for (int64_t place = first_place(); place < len; place += stride()) {
        const int64_t line = quotient(place, area);
        const int spot = static_cast<int>(place - line * area);
        const int64_t pixel = quotient(line, s.results);
        const int result = static_cast<int>(line - pixel * s.results);
        const int64_t row = quotient(pixel, width);
        const int64_t down = row * s.stride + spot / s.kernel;
        const int64_t right = (pixel - row * width) * s.stride + spot % s.kernel;
        s.given[place] = s.result[(down * s.width + right) * s.results + result];
    }
}
