// Layers without weights, and the losses. All in f32; sums over values are taken in f64.
#include "card.cuh"

// Images lie as (N, H, W, C) where they have a height and a width.

// What a result (N, height, width, channels) reads of images that are `size` times as high and wide: the values
// of size by size places, from the first.
struct Window {
    int64_t first, row;
    int32_t column;

    __device__ __forceinline__ Window(int64_t place, int32_t width, int32_t channels, int32_t size) {
        const int64_t pixel = quotient(place, channels);
        const int64_t line = quotient(pixel, width);
        column = channels;
        row = static_cast<int64_t>(width) * size * channels;
        first = line * size * row + (pixel - line * width) * size * channels + (place - pixel * channels);
    }

    __device__ __forceinline__ int64_t place(int32_t i, int32_t j) const { return first + i * row + j * column; }
};

// Largest values of windows, and which they are: the first of equals, a NaN where there is one.
extern "C" __global__ void pool_forward(const float* x, float* out, uint16_t* places, int64_t len,
                                        int32_t width, int32_t channels, int32_t size) {
    for (int64_t place = first_place(); place < len; place += stride()) {
        const Window window(place, width, channels, size);
        float best = x[window.first];
        int found = 0;
        for (int i = 0; i < size; ++i) {
            for (int j = 0; j < size; ++j) {
                const float value = x[window.place(i, j)];
                // A NaN is not at most the best; one that is the best is unequal to itself.
                if (!(value <= best || best != best)) best = value, found = i * size + j;
            }
        }
        out[place] = best;
        places[place] = static_cast<uint16_t>(found);
    }
}

// The gradient of the windows from that of their largest values. With a mask, only of those above 0 in it.
extern "C" __global__ void pool_backward(const float* gradient, const uint16_t* places, const float* mask,
                                         float* x_gradient, int64_t len, int32_t width, int32_t channels,
                                         int32_t size) {
    for (int64_t place = first_place(); place < len; place += stride()) {
        const Window window(place, width, channels, size);
        const float value = mask && mask[place] <= 0.0f ? 0.0f : gradient[place];
        const int found = places[place];
        for (int i = 0; i < size; ++i) {
            for (int j = 0; j < size; ++j) {
                x_gradient[window.place(i, j)] = i * size + j == found ? value : 0.0f;
            }
        }
    }
}

// The gradient of images from that of the same upsampled: sums of windows.
extern "C" __global__ void upsample_backward(const float* gradient, const float* mask, float* x_gradient, int64_t len,
                                int32_t width, int32_t channels, int32_t size) {
    for (int64_t place = first_place(); place < len; place += stride()) {
        const Window window(place, width, channels, size);
        float sum = 0.0f;
        for (int i = 0; i < size; ++i) {
            for (int j = 0; j < size; ++j) sum += gradient[window.place(i, j)];
        }
        x_gradient[place] = mask && mask[place] <= 0.0f ? 0.0f : sum;
    }
}

// Images repeated `size` times in height and width; the length is that of the images below.
extern "C" __global__ void upsample(const float* x, float* out, int64_t len, int32_t width, int32_t channels,
                                    int32_t size) {
    for (int64_t place = first_place(); place < len; place += stride()) {
        const Window window(place, width, channels, size);
        const float value = x[place];
        for (int i = 0; i < size; ++i) {
            for (int j = 0; j < size; ++j) out[window.place(i, j)] = value;
        }
    }
}

// Matrices (N, rows, columns) to (N, columns, rows).
extern "C" __global__ void transpose(const float* x, float* out, int64_t len, int32_t rows, int32_t columns) {
    for (int64_t place = first_place(); place < len; place += stride()) {
        const int64_t line = quotient(place, rows);
        const int64_t matrix = quotient(line, columns);
        const int64_t row = place - line * rows, column = line - matrix * columns;
        out[place] = x[(matrix * rows + row) * columns + column];
    }
}

// Sets a gradient to 0 where the result of a relu is.
extern "C" __global__ void relu_mask(const float* out, float* gradient, int64_t len) {
    for (int64_t place = first_place(); place < len; place += stride()) {
        if (out[place] <= 0.0f) gradient[place] = 0.0f;
    }
}

// out = a + b.
extern "C" __global__ void add(const float* a, const float* b, float* out, int64_t len) {
    for (int64_t place = first_place(); place < len; place += stride()) out[place] = a[place] + b[place];
}

// sum += values.
extern "C" __global__ void accumulate(const float* values, float* sum, int64_t len) {
    for (int64_t place = first_place(); place < len; place += stride()) sum[place] += values[place];
}

// to = from.
extern "C" __global__ void copy(const float* from, float* to, int64_t len) {
    for (int64_t place = first_place(); place < len; place += stride()) to[place] = from[place];
}

// out = outer f(inner x).
extern "C" __global__ void activation_forward(const float* x, float* out, int64_t len, int32_t kind,
                                              float parameter, float outer, float inner) {
    for (int64_t place = first_place(); place < len; place += stride()) {
        out[place] = outer * activation_value(kind, parameter, inner * x[place]);
    }
}

// In place: the gradient of the result becomes that of x.
extern "C" __global__ void activation_backward(const float* x, float* gradient, int64_t len, int32_t kind,
                                               float parameter, float outer, float inner) {
    for (int64_t place = first_place(); place < len; place += stride()) {
        gradient[place] *= outer * inner * activation_derivative(kind, parameter, inner * x[place]);
    }
}

// The code of a variational network: encoded (samples, 2 latent) are means and log-variances before they are
// bent into their bound, out (samples, latent) the codes. Sums of the KL divergence by blocks.
extern "C" __global__ void latent_forward(const float* encoded, const float* noise, float* out, double* sums,
                                          int64_t len, int32_t latent, double bound) {
    double sum = 0.0;
    for (int64_t place = first_place(); place < len; place += stride()) {
        const int64_t from = place + quotient(place, latent) * latent;
        const double mean = encoded[from];
        const double log_variance = tanh(encoded[from + latent] / bound) * bound;
        out[place] = static_cast<float>(mean + exp(0.5 * log_variance) * noise[place]);
        sum += 0.5 * (mean * mean + exp(log_variance) - 1.0 - log_variance);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// The gradient of the encoded values, that of kl_scale times the KL divergence with it.
extern "C" __global__ void latent_backward(const float* encoded, const float* noise, const float* gradient,
                                           float* x_gradient, int64_t len, int32_t latent, double bound,
                                           double kl_scale) {
    for (int64_t place = first_place(); place < len; place += stride()) {
        const int64_t from = place + quotient(place, latent) * latent;
        const double mean = encoded[from], of_code = gradient[place];
        const double bent = tanh(encoded[from + latent] / bound);
        const double log_variance = bent * bound;
        const double of_sample = of_code * noise[place] * 0.5 * exp(0.5 * log_variance);
        const double of_kl = kl_scale * 0.5 * (exp(log_variance) - 1.0);
        x_gradient[from] = static_cast<float>(of_code + kl_scale * mean);
        x_gradient[from + latent] = static_cast<float>((of_sample + of_kl) * (1.0 - bent * bent));
    }
}

// The sum of a loss by blocks, and `scale` times its derivative. For the cross-entropy x are logits.
extern "C" __global__ void loss(const float* x, const float* target, float* gradient, double* sums, int64_t len,
                                int32_t kind, float scale) {
    double sum = 0.0;
    for (int64_t place = first_place(); place < len; place += stride()) {
        float term, derivative;
        loss_terms(kind, x[place], target[place], term, derivative);
        sum += term;
        gradient[place] = scale * derivative;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// Adds the derivative of l1 |code| + l2 code^2 to the gradient; the sum of that without the scale, by blocks.
extern "C" __global__ void penalty(const float* codes, float* gradient, double* sums, int64_t len, double l1,
                                   double l2, double scale) {
    double sum = 0.0;
    for (int64_t place = first_place(); place < len; place += stride()) {
        const float code = codes[place];
        const float sign = (code > 0.0f) - (code < 0.0f);
        gradient[place] += static_cast<float>(l1 * scale) * sign + static_cast<float>(2.0 * l2 * scale) * code;
        sum += l1 * fabsf(code) + l2 * code * code;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// One block a row: the sum of `count` sums of blocks.
extern "C" __global__ void sum_blocks(const double* sums, double* out, int32_t count) {
    double sum = 0.0;
    for (int place = threadIdx.x; place < count; place += THREADS) sum += sums[blockIdx.x * count + place];
    sum = block_sum(sum);
    if (threadIdx.x == 0) out[blockIdx.x] = sum;
}
