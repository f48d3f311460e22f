// The matrix products of dense and convolutional layers: results, gradients of inputs, gradients of weights.
//
// Images lie as (N, H, W, C) between the steps, so that the channels of a pixel are next to each other. A
// convolution is a product whose left side, pixels by taps times channels, is gathered from the images while it
// is loaded; a dense layer is one of images of one pixel. Nothing is laid out in between. An upsampling by a power of
// two before a convolution is a shift of the places; by two before a kernel of 3x3 it is four convolutions by kernels of
// 2x2 on the images below, one for each phase: results in even and odd rows and columns.
//
// A block works out ROWS of the result by COLUMNS, DEPTH at a time, copied two steps ahead.
#pragma once

#include "card.cuh"
#include "instructions.cuh"

constexpr int STAGES = 3;
// Lines of shared memory are padded so that the threads of a warp meet different banks.
constexpr int DEPTH_LINE = DEPTH + 4;

enum Precision { F32, TF32, BF16 };

// Some channels of a pixel that is read for another one.
struct Tap {
    // The first of them.
    int32_t channel;
    // Rows and columns away.
    int16_t down, right;
};
CHECK_LAYOUT(Tap);

// Divides numbers from 0 to 2^31 by one: by multiplication with 2^(31 + bits) / divisor, rounded up, where 2^bits is the
// divisor or the next power of two (Granlund and Montgomery, "Division by invariant integers using multiplication",
// PLDI 1994, section 4).
struct Divisor {
    uint32_t factor, shift;

    __device__ __forceinline__ int divide(int number) const {
        return static_cast<int>((static_cast<uint64_t>(number) * factor) >> shift);
    }
};
CHECK_LAYOUT(Divisor);

struct Product {
    // (count, image_height >> shift, image_width >> shift, channels)
    const float* images;
    // One for each four channels of a tap, or for each if they are no multiple of four: DEPTH channels or a multiple of
    // them in each phase.
    const Tap* taps;
    // (phases, results, depth): as the taps, and rounded for the precision.
    const float* weight;
    // Added to the results, or null.
    const float* bias;
    // As the results, or null: they are kept where this is above 0.
    const float* mask;
    // (count, height, width, results); with four phases twice as high and wide.
    float* result;
    // Of the gradient of weights: that of the results, and its sums by parts (parts, phases, results, depth).
    const float* gradient;
    float* parts;

    int32_t count;
    // Pixels that results are worked out for, in each phase.
    int32_t height, width;
    // Of the images as the taps see them: `shift` times upsampled by two, and with places `stride` pixels apart.
    int32_t image_height, image_width, shift, stride;
    int32_t channels;
    // Values of an image.
    int32_t image_len;
    int32_t depth;
    int32_t results;
    int32_t relu;
    // 1; or 4, where results of even and odd rows and columns read other taps.
    int32_t phases;
    // Pixels of a part.
    int32_t part_len;
    // By the pixels of an image, and by its width.
    Divisor area, line;
};
CHECK_LAYOUT(Product);

// The sums of a thread. ROW, COLUMN and the DEPTHs say how far rows, columns and depths are apart in `a` and `b`, and
// B_ROUNDED whether `b` is rounded for the precision already.
template <Precision PRECISION, int ROWS, int COLUMNS>
struct Tile {
    static constexpr int WARPS_ACROSS = ROWS == 64 || COLUMNS >= 32 ? 2 : 1;
    static constexpr int WARP_ROWS = ROWS / (8 / WARPS_ACROSS);
    static constexpr int WARP_COLUMNS = COLUMNS / WARPS_ACROSS;
    static constexpr int DOWN = WARP_ROWS / 16;
    static constexpr int ACROSS = WARP_COLUMNS / 8;

    float sums[DOWN][ACROSS][4] = {};

    template <int ROW, int A_DEPTH, int COLUMN, int B_DEPTH, bool B_ROUNDED>
    __device__ __forceinline__ void add(const float* a, const float* b) {
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
        a += (warp / WARPS_ACROSS * WARP_ROWS + lane / 4) * ROW;
        b += (warp % WARPS_ACROSS * WARP_COLUMNS + lane / 4) * COLUMN;
        const int quad = lane % 4;
        if constexpr (PRECISION == TF32) {
#pragma unroll
            for (int first = 0; first < DEPTH; first += 8) {
                const int k = first + quad;
                uint32_t left[DOWN][4], right[ACROSS][2];
#pragma unroll
                for (int i = 0; i < DOWN; ++i) {
#pragma unroll
                    for (int part = 0; part < 4; ++part) {
                        const float* at = a + (16 * i + part % 2 * 8) * ROW + (k + part / 2 * 4) * A_DEPTH;
                        left[i][part] = round_tf32(*at);
                    }
                }
#pragma unroll
                for (int j = 0; j < ACROSS; ++j) {
#pragma unroll
                    for (int part = 0; part < 2; ++part) {
                        const float at = b[8 * j * COLUMN + (k + 4 * part) * B_DEPTH];
                        right[j][part] = B_ROUNDED ? __float_as_uint(at) : round_tf32(at);
                    }
                }
#pragma unroll
                for (int i = 0; i < DOWN; ++i) {
#pragma unroll
                    for (int j = 0; j < ACROSS; ++j) multiply_tf32(sums[i][j], left[i], right[j]);
                }
            }
        } else {
#pragma unroll
            for (int first = 0; first < DEPTH; first += 16) {
                const int k = first + 2 * quad;
                uint32_t left[DOWN][4], right[ACROSS][2];
#pragma unroll
                for (int i = 0; i < DOWN; ++i) {
#pragma unroll
                    for (int part = 0; part < 4; ++part) {
                        const float* at = a + (16 * i + part % 2 * 8) * ROW + (k + part / 2 * 8) * A_DEPTH;
                        left[i][part] = pack_bf16(at[0], at[A_DEPTH]);
                    }
                }
#pragma unroll
                for (int j = 0; j < ACROSS; ++j) {
#pragma unroll
                    for (int part = 0; part < 2; ++part) {
                        const float* at = b + 8 * j * COLUMN + (k + part * 8) * B_DEPTH;
                        right[j][part] = pack_bf16(at[0], at[B_DEPTH]);
                    }
                }
#pragma unroll
                for (int i = 0; i < DOWN; ++i) {
#pragma unroll
                    for (int j = 0; j < ACROSS; ++j) multiply_bf16(sums[i][j], left[i], right[j]);
                }
            }
        }
    }

    // Calls `use(row, column, sum)` for each sum of the thread.
    template <class Use>
    __device__ __forceinline__ void each(Use use) const {
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
        for (int i = 0; i < DOWN; ++i) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int row = warp / WARPS_ACROSS * WARP_ROWS + 16 * i + 8 * half + lane / 4;
#pragma unroll
                for (int j = 0; j < ACROSS; ++j) {
                    const int column = warp % WARPS_ACROSS * WARP_COLUMNS + 8 * j + lane % 4 * 2;
                    use(row, column, sums[i][j][2 * half]);
                    use(row, column + 1, sums[i][j][2 * half + 1]);
                }
            }
        }
    }
};

// In f32, without tensor cores: 4 or 8 rows by every sixteenth column a thread.
template <int ROWS, int COLUMNS>
struct Tile<F32, ROWS, COLUMNS> {
    static constexpr int DOWN = ROWS / 16;
    static constexpr int ACROSS = COLUMNS / 16;

    float sums[DOWN][ACROSS] = {};

    template <int ROW, int A_DEPTH, int COLUMN, int B_DEPTH, bool B_ROUNDED>
    __device__ __forceinline__ void add(const float* a, const float* b) {
        a += threadIdx.x / 16 * DOWN * ROW;
        b += threadIdx.x % 16 * COLUMN;
#pragma unroll
        for (int k = 0; k < DEPTH; k += 4) {
            float left[DOWN][4], right[ACROSS][4];
            fours<DOWN, ROW, A_DEPTH>(a + k * A_DEPTH, left);
            fours<ACROSS, 16 * COLUMN, B_DEPTH>(b + k * B_DEPTH, right);
#pragma unroll
            for (int i = 0; i < DOWN; ++i) {
#pragma unroll
                for (int j = 0; j < ACROSS; ++j) {
#pragma unroll
                    for (int d = 0; d < 4; ++d) sums[i][j] = fmaf(left[i][d], right[j][d], sums[i][j]);
                }
            }
        }
    }

    // Four depths of COUNT lines that are LINE apart.
    template <int COUNT, int LINE, int STEP>
    static __device__ __forceinline__ void fours(const float* from, float (&to)[COUNT][4]) {
        if constexpr (STEP == 1) {
#pragma unroll
            for (int i = 0; i < COUNT; ++i) {
                const float4 four = *reinterpret_cast<const float4*>(from + i * LINE);
                to[i][0] = four.x, to[i][1] = four.y, to[i][2] = four.z, to[i][3] = four.w;
            }
        } else if constexpr (LINE == 1) {
#pragma unroll
            for (int d = 0; d < 4; ++d) {
#pragma unroll
                for (int i = 0; i < COUNT; i += 4) {
                    const float4 four = *reinterpret_cast<const float4*>(from + d * STEP + i);
                    to[i][d] = four.x, to[i + 1][d] = four.y, to[i + 2][d] = four.z, to[i + 3][d] = four.w;
                }
            }
        } else {
#pragma unroll
            for (int d = 0; d < 4; ++d) {
#pragma unroll
                for (int i = 0; i < COUNT; ++i) to[i][d] = from[d * STEP + i * LINE];
            }
        }
    }

    template <class Use>
    __device__ __forceinline__ void each(Use use) const {
        const int row = threadIdx.x / 16 * DOWN, column = threadIdx.x % 16;
#pragma unroll
        for (int i = 0; i < DOWN; ++i) {
#pragma unroll
            for (int j = 0; j < ACROSS; ++j) use(row + i, column + 16 * j, sums[i][j]);
        }
    }
};

// A row outside of every image: no tap reads from it.
constexpr int OUTSIDE = -(1 << 20);

// A place in a batch of images.
struct Pixel {
    int image, down, right;

    __device__ __forceinline__ Pixel(const Product& p, int number) {
        image = p.area.divide(number);
        const int rest = number - image * (p.height * p.width);
        down = p.line.divide(rest);
        right = rest - down * p.width;
    }

    // Where its image begins.
    __device__ __forceinline__ const float* begin(const Product& p) const {
        return p.images + static_cast<int64_t>(image) * p.image_len;
    }

    // Its number among the results of a phase.
    __device__ __forceinline__ int64_t result(const Product& p, int phase) const {
        const int64_t row = (static_cast<int64_t>(image) * p.height + down) * 2 + phase / 2;
        return (row * p.width + right) * 2 + phase % 2;
    }
};

// Copies what a tap reads for a pixel of an image; zeros beyond the image.
template <int VALUES>
__device__ __forceinline__ void copy_tap(const Product& p, float* to, const float* image, int down, int right, Tap tap) {
    down += tap.down, right += tap.right;
    const bool valid = static_cast<unsigned>(down) < static_cast<unsigned>(p.image_height) &&
                       static_cast<unsigned>(right) < static_cast<unsigned>(p.image_width);
    const int place = (down >> p.shift) * (p.image_width >> p.shift) + (right >> p.shift);
    copy_async<VALUES>(to, image + (place * p.channels + tap.channel), valid);
}

// Runs `load(stage, step)` ahead of `add(stage)` for all steps, in order.
template <class Load, class Add>
__device__ __forceinline__ void pipeline(int steps, Load load, Add add) {
#pragma unroll
    for (int ahead = 0; ahead < STAGES - 1; ++ahead) {
        if (ahead < steps) load(ahead, ahead);
        copies_commit();
    }
    int stage = 0;
    for (int step = 0; step < steps; ++step) {
        copies_wait<STAGES - 2>();
        // Everyone is done with the stage that is loaded next, too.
        __syncthreads();
        const int next = step + STAGES - 1;
        if (next < steps) load(stage == 0 ? STAGES - 1 : stage - 1, next);
        copies_commit();
        add(stage);
        stage = stage == STAGES - 1 ? 0 : stage + 1;
    }
}

// result = taps of the images times weights, and bias. VALUES channels are read at a time.
template <Precision PRECISION, int ROWS, int COLUMNS, int VALUES>
__device__ __forceinline__ void product(const Product& p) {
    __shared__ __align__(16) float a[STAGES][ROWS * DEPTH_LINE];
    __shared__ __align__(16) float b[STAGES][COLUMNS * DEPTH_LINE];
    Tile<PRECISION, ROWS, COLUMNS> tile;
    const int rows = p.count * p.height * p.width;
    const int row = blockIdx.x * ROWS, column = blockIdx.y * COLUMNS, phase = blockIdx.z;
    const Tap* taps = p.taps + phase * p.depth / VALUES;
    const float* weight = p.weight + static_cast<int64_t>(phase) * p.results * p.depth;

    // A thread copies four depths of every sixty-fourth row.
    constexpr int FOURS = DEPTH / 4;
    constexpr int LINES = THREADS / FOURS;
    const int line = threadIdx.x / FOURS, four = threadIdx.x % FOURS * 4;
    const float* images[ROWS / LINES];
    int down[ROWS / LINES], right[ROWS / LINES];
#pragma unroll
    for (int i = 0; i < ROWS / LINES; ++i) {
        const int number = row + line + i * LINES;
        const Pixel pixel(p, number);
        images[i] = pixel.begin(p);
        down[i] = number < rows ? pixel.down * p.stride : OUTSIDE;
        right[i] = pixel.right * p.stride;
    }

    auto load = [&](int stage, int step) {
        const int first = step * DEPTH + four;
#pragma unroll
        for (int k = 0; k < 4; k += VALUES) {
            const Tap tap = taps[(first + k) / VALUES];
#pragma unroll
            for (int i = 0; i < ROWS / LINES; ++i) {
                float* to = &a[stage][(line + i * LINES) * DEPTH_LINE + four + k];
                copy_tap<VALUES>(p, to, images[i], down[i], right[i], tap);
            }
        }
        if (line < COLUMNS) {
            const bool valid = column + line < p.results;
            const float* from = weight + static_cast<int64_t>(column + line) * p.depth + first;
            copy_async<4>(&b[stage][line * DEPTH_LINE + four], from, valid);
        }
    };
    pipeline(p.depth / DEPTH, load, [&](int stage) {
        tile.template add<DEPTH_LINE, 1, DEPTH_LINE, 1, true>(a[stage], b[stage]);
    });

    tile.each([&](int r, int c, float sum) {
        r += row, c += column;
        if (r >= rows || c >= p.results) return;
        const int64_t pixel = p.phases == 1 ? r : Pixel(p, r).result(p, phase);
        const int64_t place = pixel * p.results + c;
        if (p.bias) sum += p.bias[c];
        if (p.relu) sum = relu_value(sum);
        if (p.mask) sum = p.mask[place] <= 0.0f ? 0.0f : sum;
        p.result[place] = sum;
    });
}

// parts[z] = the gradient of a phase's weights, taps by results, summed over the pixels of a part. GRADIENTS values of
// the results' gradient are read at a time.
template <Precision PRECISION, int COLUMNS, int VALUES, int GRADIENTS>
__device__ __forceinline__ void weight_gradient(const Product& p) {
    constexpr int ROWS = 128;
    constexpr int ROW_LINE = ROWS + 8;
    constexpr int COLUMN_LINE = COLUMNS + 8;
    __shared__ __align__(16) float a[STAGES][DEPTH * ROW_LINE];
    __shared__ __align__(16) float b[STAGES][DEPTH * COLUMN_LINE];
    Tile<PRECISION, ROWS, COLUMNS> tile;
    const int phase = blockIdx.z % p.phases;
    const int begin = blockIdx.z / p.phases * p.part_len;
    const int end = min(begin + p.part_len, p.count * p.height * p.width);
    const int row = blockIdx.x * ROWS, column = blockIdx.y * COLUMNS;

    // A thread copies four rows, always the same, of every eighth pixel. Those of a one or of zeros stay as they are.
    constexpr int FOURS = ROWS / 4;
    constexpr int LINES = THREADS / FOURS;
    const int line = threadIdx.x / FOURS, four = threadIdx.x % FOURS * 4;
    Tap taps[4 / VALUES];
#pragma unroll
    for (int k = 0; k < 4; k += VALUES) {
        const int number = row + four + k;
        const Tap tap = number < p.depth ? p.taps[(phase * p.depth + number) / VALUES] : Tap{0, 0, ZEROS};
        taps[k / VALUES] = tap;
        if (tap.right < ZEROS) continue;
        for (int place = line; place < STAGES * DEPTH; place += LINES) {
            float* to = &a[0][0] + place * ROW_LINE + four + k;
#pragma unroll
            for (int value = 0; value < VALUES; ++value) to[value] = tap.right == ONE && value == 0 ? 1.0f : 0.0f;
        }
    }

    auto load = [&](int stage, int step) {
        const int first = begin + step * DEPTH;
#pragma unroll
        for (int i = 0; i < DEPTH / LINES; ++i) {
            const int number = first + line + i * LINES;
            const Pixel pixel(p, number);
            const float* image = pixel.begin(p);
            const int down = number < end ? pixel.down * p.stride : OUTSIDE, right = pixel.right * p.stride;
            float* to = &a[stage][(line + i * LINES) * ROW_LINE + four];
#pragma unroll
            for (int k = 0; k < 4; k += VALUES) {
                const Tap tap = taps[k / VALUES];
                if (tap.right < ZEROS) copy_tap<VALUES>(p, to + k, image, down, right, tap);
            }
        }
        constexpr int ACROSS = COLUMNS / GRADIENTS;
#pragma unroll
        for (int i = 0; i < (DEPTH * ACROSS + THREADS - 1) / THREADS; ++i) {
            const int place = threadIdx.x + i * THREADS;
            if (place >= DEPTH * ACROSS) break;
            const int pixel = place / ACROSS, c = place % ACROSS * GRADIENTS;
            const bool valid = first + pixel < end && column + c < p.results;
            const int64_t result = p.phases == 1 ? first + pixel : Pixel(p, first + pixel).result(p, phase);
            const float* from = p.gradient + result * p.results + column + c;
            copy_async<GRADIENTS>(&b[stage][pixel * COLUMN_LINE + c], from, valid);
        }
    };
    pipeline((end - begin + DEPTH - 1) / DEPTH, load, [&](int stage) {
        tile.template add<1, ROW_LINE, 1, COLUMN_LINE, false>(a[stage], b[stage]);
    });

    float* part = p.parts + static_cast<int64_t>(blockIdx.z) * p.results * p.depth;
    tile.each([&](int r, int c, float sum) {
        r += row, c += column;
        if (r < p.depth && c < p.results) part[static_cast<int64_t>(c) * p.depth + r] = sum;
    });
}

// Kernels are named by what they do, their precision, rows and columns, and how many values they read at a time.
#define PRODUCT(PRECISION, NAME, ROWS, COLUMNS, VALUES)                            \
    extern "C" __global__ void __launch_bounds__(THREADS, 2)                       \
        product_##NAME##_##ROWS##_##COLUMNS##_##VALUES(Product p) {                \
        product<PRECISION, ROWS, COLUMNS, VALUES>(p);                              \
    }
#define WEIGHT(PRECISION, NAME, COLUMNS, VALUES, GRADIENTS)                        \
    extern "C" __global__ void __launch_bounds__(THREADS, 2)                       \
        weight_##NAME##_##COLUMNS##_##VALUES##_##GRADIENTS(Product p) {            \
        weight_gradient<PRECISION, COLUMNS, VALUES, GRADIENTS>(p);                 \
    }
#define OF_COLUMNS(PRECISION, NAME, COLUMNS)  \
    PRODUCT(PRECISION, NAME, 64, COLUMNS, 1)  \
    PRODUCT(PRECISION, NAME, 64, COLUMNS, 4)  \
    PRODUCT(PRECISION, NAME, 128, COLUMNS, 1) \
    PRODUCT(PRECISION, NAME, 128, COLUMNS, 4) \
    WEIGHT(PRECISION, NAME, COLUMNS, 1, 1)    \
    WEIGHT(PRECISION, NAME, COLUMNS, 1, 4)    \
    WEIGHT(PRECISION, NAME, COLUMNS, 4, 1)    \
    WEIGHT(PRECISION, NAME, COLUMNS, 4, 4)
#define ALL_PRODUCTS(PRECISION, NAME) \
    OF_COLUMNS(PRECISION, NAME, 16)   \
    OF_COLUMNS(PRECISION, NAME, 32)   \
    OF_COLUMNS(PRECISION, NAME, 64)
