// Batches from images that lie on the card: the values and the noise, to the bit, that the CPU makes.
#include "card.cuh"

// A stream of random numbers: the seed, and the counter without its index and draw.
struct Key {
    uint32_t seed[2];
    uint32_t purpose_and_epoch;
};
CHECK_LAYOUT(Key);

// Philox4x32-10 (Salmon and others, SC 2011, section 3.3): word number `number` of the stream of `index`.
struct Words {
    uint32_t word[4];

    __device__ __forceinline__ Words(const Key& key, uint32_t index, uint32_t draw) {
        uint32_t a = key.purpose_and_epoch, b = index, c = 0, d = draw;
        uint32_t first = key.seed[0], second = key.seed[1];
        for (int round = 0; round < 10; ++round) {
            const uint64_t left = static_cast<uint64_t>(0xd2511f53u) * a;
            const uint64_t right = static_cast<uint64_t>(0xcd9e8d57u) * c;
            a = static_cast<uint32_t>(right >> 32) ^ b ^ first;
            b = static_cast<uint32_t>(right);
            c = static_cast<uint32_t>(left >> 32) ^ d ^ second;
            d = static_cast<uint32_t>(left);
            first += 0x9e3779b9u;
            second += 0xbb67ae85u;
        }
        word[0] = a, word[1] = b, word[2] = c, word[3] = d;
    }
};

__device__ __forceinline__ uint32_t random_word(const Key& key, uint32_t index, uint32_t number) {
    return Words(key, index, number / 4).word[number % 4];
}

// In the middle of one of 2^24 cells of (0, 1).
__device__ __forceinline__ double uniform(uint32_t word) {
    return (static_cast<double>(word >> 8) + 0.5) * (1.0 / 16777216.0);
}

// As the CPU has it: products and sums are not fused.
template <int COUNT>
__device__ __forceinline__ double polynomial(double x, const double (&factors)[COUNT]) {
    double sum = factors[0];
#pragma unroll
    for (int i = 1; i < COUNT; ++i) sum = __dadd_rn(__dmul_rn(sum, x), factors[i]);
    return sum;
}

__device__ __forceinline__ float natural_logarithm(float x) {
    const int bits = __float_as_int(x);
    const int exponent = (bits - 0x3f3504f3) >> 23;
    const double mantissa = __int_as_float(bits - (exponent << 23));
    const double s = (mantissa - 1.0) / (mantissa + 1.0);
    const double terms[] = {1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0,
                            1.0 / 7.0,  1.0 / 5.0,  1.0 / 3.0,  1.0};
    const double of_mantissa = __dmul_rn(__dmul_rn(2.0, s), polynomial(__dmul_rn(s, s), terms));
    return static_cast<float>(__dadd_rn(__dmul_rn(exponent, 0.693147180559945309417), of_mantissa));
}

__device__ __forceinline__ void sine_and_cosine(float angle, float& sine, float& cosine) {
    const double round = 6755399441055744.0;
    const double x = angle;
    const double shifted = __dadd_rn(__dmul_rn(x, 0.636619772367581343075535), round);
    const long long quarter = __double_as_longlong(shifted);
    const double rest = __dadd_rn(x, -__dmul_rn(__dadd_rn(shifted, -round), 1.57079632679489661923));
    const double square = __dmul_rn(rest, rest);
    const double sines[] = {1.0 / 6227020800.0, -1.0 / 39916800.0, 1.0 / 362880.0, -1.0 / 5040.0,
                            1.0 / 120.0,        -1.0 / 6.0,        1.0};
    const double cosines[] = {-1.0 / 87178291200.0, 1.0 / 479001600.0, -1.0 / 3628800.0, 1.0 / 40320.0,
                              -1.0 / 720.0,         1.0 / 24.0,        -1.0 / 2.0,       1.0};
    double s = __dmul_rn(rest, polynomial(square, sines));
    double c = polynomial(square, cosines);
    if (quarter & 1) {
        const double other = s;
        s = c, c = other;
    }
    sine = static_cast<float>(quarter & 2 ? -s : s);
    cosine = static_cast<float>((quarter + 1) & 2 ? -c : c);
}

// Box and Muller: of two words, the first or the second normal number.
__device__ __forceinline__ void normal_pair(uint32_t first, uint32_t second, float out[2]) {
    const float cell = 1.0f / 16777216.0f;
    const float unit = __fmul_rn(__fadd_rn(static_cast<float>(first >> 8), 0.5f), cell);
    const float turn = __fmul_rn(__fadd_rn(static_cast<float>(second >> 8), 0.5f), cell);
    const float radius = __fsqrt_rn(__fmul_rn(-2.0f, natural_logarithm(unit)));
    float sine, cosine;
    sine_and_cosine(__fmul_rn(6.28318530717958647692f, turn), sine, cosine);
    out[0] = __fmul_rn(radius, cosine);
    out[1] = __fmul_rn(radius, sine);
}

struct Preparation {
    // (images, size) from 0 to 255
    const uint8_t* images;
    const uint32_t* indices;
    // (count, size) each; the same where the network sees its targets.
    float* input;
    float* target;
    int32_t count;
    int32_t size;
    // From this index on, images are counted anew and corrupted, those before are not; 0 if all are.
    uint32_t added;
    CorruptionKind corruption;
    BinarizationKind binarization;
    int32_t has_range;
    double low, high;
    Key corruption_key, binarization_key;
};
CHECK_LAYOUT(Preparation);

// Two values of a sample a thread.
extern "C" __global__ void prepare_batch(Preparation p) {
    const int64_t pairs = (p.size + 1) / 2;
    const bool is_normal = p.corruption == GAUSSIAN || p.corruption == UNCLIPPED_GAUSSIAN;
    for (int64_t place = first_place(); place < p.count * pairs; place += stride()) {
        const int64_t number = place / pairs;
        const int first = static_cast<int>(place - number * pairs) * 2;
        const uint32_t index = p.indices[number];
        const bool is_clean = index < p.added;
        const uint32_t image = p.added && !is_clean ? index - p.added : index;
        // Words of the noise behind the one for its strength.
        const int behind = p.has_range ? 1 : 0;
        double factor = p.low;
        if (p.has_range && !is_clean) {
            const double draw = uniform(random_word(p.corruption_key, index, 0));
            factor = __dadd_rn(p.low, __dmul_rn(p.high - p.low, draw));
        }
        uint32_t words[2] = {0, 0};
        float normal[2];
        if (p.corruption != NONE && !is_clean) {
            words[0] = random_word(p.corruption_key, index, behind + first);
            words[1] = random_word(p.corruption_key, index, behind + first + 1);
            if (is_normal) normal_pair(words[0], words[1], normal);
        }
        for (int i = 0; i < 2 && first + i < p.size; ++i) {
            const int64_t to = number * p.size + first + i;
            float value = p.images[static_cast<int64_t>(image) * p.size + first + i] / 255.0f;
            if (p.binarization == THRESHOLD) {
                value = value >= 0.5f ? 1.0f : 0.0f;
            } else if (p.binarization == DRAWN) {
                value = uniform(random_word(p.binarization_key, image, first + i)) < value ? 1.0f : 0.0f;
            }
            p.target[to] = value;
            if (!is_clean) {
                if (is_normal) {
                    value = __fadd_rn(value, __fmul_rn(static_cast<float>(factor), normal[i]));
                    if (p.corruption == GAUSSIAN) value = value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
                } else if (p.corruption != NONE) {
                    const double draw = uniform(words[i]);
                    if (p.corruption == MASKING) {
                        value = draw < factor ? 0.0f : value;
                    } else {
                        value = draw < 0.5 * factor ? 0.0f : draw < factor ? 1.0f : value;
                    }
                }
            }
            p.input[to] = value;
        }
    }
}

// Standard normal numbers (count, size), those of each row from the stream of its index.
extern "C" __global__ void fill_normal(const uint32_t* indices, float* out, int32_t count, int32_t size, Key key) {
    const int64_t pairs = (size + 1) / 2;
    for (int64_t place = first_place(); place < count * pairs; place += stride()) {
        const int64_t number = place / pairs;
        const int first = static_cast<int>(place - number * pairs) * 2;
        const Words words(key, indices[number], first / 4);
        float normal[2];
        normal_pair(words.word[first % 4], words.word[first % 4 + 1], normal);
        for (int i = 0; i < 2 && first + i < size; ++i) out[number * size + first + i] = normal[i];
    }
}
