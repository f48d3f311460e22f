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
    // The number of a Failure.
    int64_t failure;
};
CHECK_LAYOUT(Status);

// How the sums of a batch make its loss, and the largest norm, 0 for any.
struct LossTerms {
    double distance, constant, penalty, kl;
    double limit;
};
CHECK_LAYOUT(LossTerms);

// One block: `totals` are the sums of distance, KL divergence and penalty, `squares` those of the gradients by blocks.
extern "C" __global__ void check_finite(Status* status, const double* totals, const double* squares, int32_t count,
                                        LossTerms terms) {
    double sum = 0.0;
    for (int place = threadIdx.x; place < count; place += THREADS) sum += squares[place];
    sum = block_sum(sum);
    if (threadIdx.x != 0 || status->failure != NOTHING) return;
    const double loss = terms.distance * totals[DISTANCE] + terms.constant + terms.penalty * totals[PENALTY] +
                        terms.kl * totals[KL];
    const double norm = sqrt(sum);
    status->loss = loss;
    status->norm = norm;
    if (!isfinite(loss)) {
        status->failure = LOSS;
    } else if (!isfinite(norm)) {
        status->failure = NORM;
    } else {
        status->factor = terms.limit > 0.0 && norm > terms.limit ? terms.limit / norm : 1.0;
        status->loss_sum += loss;
        status->kl_sum += totals[KL];
        status->steps += 1;
    }
}

// A variable with its gradient and what is kept for it.
struct Variable {
    float* value;
    const float* gradient;
    float* state[STATES];
    int64_t len;
};
CHECK_LAYOUT(Variable);

// The number of a RuleKind, and the numbers that it is set by.
struct OptimizerStep {
    int32_t rule;
    float settings[SETTINGS];
};
CHECK_LAYOUT(OptimizerStep);

// Block (x, y): part x of variable y.
extern "C" __global__ void optimizer_step(const Variable* variables, const Status* status, OptimizerStep s) {
    if (status->failure != NOTHING) return;
    const float factor = static_cast<float>(status->factor);
    const Variable v = variables[blockIdx.y];
    for (int64_t place = first_place(); place < v.len; place += stride()) {
        float value = v.value[place], state[STATES];
#pragma unroll
        for (int i = 0; i < STATES; ++i) state[i] = v.state[i] ? v.state[i][place] : 0.0f;
        optimizer_rule(s.rule, s.settings, v.gradient[place] * factor, value, state);
        v.value[place] = value;
#pragma unroll
        for (int i = 0; i < STATES; ++i) {
            if (v.state[i]) v.state[i][place] = state[i];
        }
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
