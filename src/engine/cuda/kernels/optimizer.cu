// The end of a training step: is it sound, and the optimiser's move of all variables in one launch.
#include "card.cuh"

// How training goes on. It stays as it is from the first step on that is not sound.
struct Status {
    // Of the steps so far: what is minimised, and the KL divergence without its weight.
    double loss_sum, kl_sum;
    // Of the last step, or of the one that failed: the loss, and the norm of the gradient.
    double loss, norm;
    // What gradients are multiplied by.
    double factor;
    // Sound steps.
    int64_t steps;
    // 0, or what is no finite number: 1 the loss, 2 the norm.
    int64_t failure;
};

// How the sums of a batch make its loss, and the largest norm, 0 for any.
struct Judgement {
    double distance, constant, penalty, kl;
    double limit;
};

// One block: `totals` are the sums of distance, KL divergence and penalty, `squares` those of the gradients by blocks.
extern "C" __global__ void check_finite(Status* status, const double* totals, const double* squares, int32_t count,
                                 Judgement j) {
    double sum = 0.0;
    for (int place = threadIdx.x; place < count; place += THREADS) sum += squares[place];
    sum = block_sum(sum);
    if (threadIdx.x != 0 || status->failure != 0) return;
    const double loss = j.distance * totals[0] + j.constant + j.penalty * totals[2] + j.kl * totals[1];
    const double norm = sqrt(sum);
    status->loss = loss;
    status->norm = norm;
    if (!isfinite(loss)) {
        status->failure = 1;
    } else if (!isfinite(norm)) {
        status->failure = 2;
    } else {
        status->factor = j.limit > 0.0 && norm > j.limit ? j.limit / norm : 1.0;
        status->loss_sum += loss;
        status->kl_sum += totals[1];
        status->steps += 1;
    }
}

// A variable with its gradient and what is kept for it.
struct Variable {
    float* value;
    const float* gradient;
    float* state[2];
    int64_t len;
};

enum Rule { DESCENT, MOMENTUM, QUOTIENT, QUOTIENT_MOMENTUM, ADADELTA, ADAM };

struct Step {
    // The number of a Rule, and of the variant: nesterov, or an epsilon inside the root.
    int32_t rule;
    int32_t variant;
    float rate;
    // Of the value before the step: decoupled weight decay.
    float kept;
    // Momentum, rho, or beta1; and momentum behind a quotient, or beta2.
    float decay[2];
    // 1 minus each, which is not exact from the rounded ones.
    float fresh[2];
    // 1 / (1 - beta^t) of each.
    float correction[2];
    float epsilon;
};

// Block (x, y): part x of variable y. The formulas and their sources are with the rules for the CPU.
extern "C" __global__ void optimizer_step(const Variable* variables, const Status* status, Step s) {
    if (status->failure != 0) return;
    const float factor = static_cast<float>(status->factor);
    const Variable v = variables[blockIdx.y];
    for (int64_t place = first_place(); place < v.len; place += stride()) {
        const float g = v.gradient[place] * factor;
        const float value = v.value[place] * s.kept;
        float change;
        switch (s.rule) {
            case DESCENT: change = g; break;
            case MOMENTUM: {
                const float velocity = v.state[0][place] * s.decay[0] + g;
                v.state[0][place] = velocity;
                change = s.variant ? g + velocity * s.decay[0] : velocity;
                break;
            }
            case QUOTIENT:
            case QUOTIENT_MOMENTUM: {
                const float square = v.state[0][place] * s.decay[0] + g * g * s.fresh[0];
                v.state[0][place] = square;
                change = g / (s.variant ? sqrtf(square + s.epsilon) : sqrtf(square) + s.epsilon);
                if (s.rule == QUOTIENT_MOMENTUM) {
                    change += v.state[1][place] * s.decay[1];
                    v.state[1][place] = change;
                }
                break;
            }
            case ADADELTA: {
                const float square = v.state[0][place] * s.decay[0] + g * g * s.fresh[0];
                const float delta = v.state[1][place];
                change = g * (sqrtf(delta + s.epsilon) / sqrtf(square + s.epsilon));
                v.state[0][place] = square;
                v.state[1][place] = delta * s.decay[0] + change * change * s.fresh[0];
                break;
            }
            default: {
                const float first = v.state[0][place] * s.decay[0] + g * s.fresh[0];
                const float second = v.state[1][place] * s.decay[1] + g * g * s.fresh[1];
                v.state[0][place] = first;
                v.state[1][place] = second;
                change = first * s.correction[0] / (sqrtf(second * s.correction[1]) + s.epsilon);
            }
        }
        v.value[place] = value - change * s.rate;
    }
}

// The sums of the squares of gradients by blocks.
extern "C" __global__ void gradient_squares(const Variable* variables, double* sums) {
    const Variable v = variables[blockIdx.y];
    double sum = 0.0;
    for (int64_t place = first_place(); place < v.len; place += stride()) {
        const double g = v.gradient[place];
        sum += g * g;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.y * gridDim.x + blockIdx.x] = sum;
}
