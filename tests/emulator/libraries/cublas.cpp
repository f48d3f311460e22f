// The matrix products that candle asks of cuBLAS, in f32 and f64.
#include <cublas_v2.h>

#include <algorithm>
#include <vector>

#include "../driver/context.h"
#include "../driver/memory.h"
#include "../driver/operation.h"
#include "../driver/report.h"

namespace emulator {
namespace {

// Column-major, one for each product of a batch.
template <class Number>
struct Matrices {
    Number* values;
    cublasOperation_t operation;
    long long line, stride;

    bool is_transposed() const { return operation != CUBLAS_OP_N; }

    Number& at(long long product, long long row, long long column) const {
        return values[product * stride + (is_transposed() ? row * line + column : column * line + row)];
    }

    void require(const char* name, const char* what, int batch, int rows, int columns) const {
        if (line < std::max(1, is_transposed() ? columns : rows)) {
            fail("%s: the leading dimension of the %s, %d by %d, is %lld", name, what, rows, columns, line);
        }
        if (batch == 0 || rows == 0 || columns == 0) return;
        const Number* end = &at(batch - 1, rows - 1, columns - 1) + 1;
        require_memory(name, what, reinterpret_cast<uintptr_t>(values), (end - values) * sizeof(Number));
    }
};

// c = alpha a b + beta c. Sums are taken in f64: no order of summation in f32 is further from that than its own error.
template <class Number>
struct Product {
    int rows, columns, depth;
    Number alpha;
    Matrices<const Number> a, b;
    Number beta;
    Matrices<Number> c;

    void run(int number) const {
        // The columns of a, next to each other.
        std::vector<Number> left;
        for (int k = 0; k < depth; ++k) {
            for (int row = 0; row < rows; ++row) left.push_back(a.at(number, row, k));
        }
        for (int column = 0; column < columns; ++column) {
            std::vector<double> sums(rows);
            for (int k = 0; k < depth; ++k) {
                const double factor = b.at(number, k, column);
                const Number* from = left.data() + static_cast<size_t>(k) * rows;
                for (int row = 0; row < rows; ++row) sums[row] += from[row] * factor;
            }
            for (int row = 0; row < rows; ++row) {
                Number& result = c.at(number, row, column);
                // With a beta of 0 what was there does not count, even a NaN.
                result = static_cast<Number>(alpha * sums[row] + (beta == Number{0} ? 0.0 : beta * result));
            }
        }
    }
};

template <class Number>
cublasStatus_t multiply(const char* name, int batch, const Product<Number>& product) {
    const Operation operation(name);
    trace(1, "%s: %d products of %d by %d by %d", name, batch, product.rows, product.depth, product.columns);
    require_context(name);
    product.a.require(name, "left matrix", batch, product.rows, product.depth);
    product.b.require(name, "right matrix", batch, product.depth, product.columns);
    product.c.require(name, "result", batch, product.rows, product.columns);
    for (int number = 0; number < batch; ++number) product.run(number);
    return CUBLAS_STATUS_SUCCESS;
}

}  // namespace
}  // namespace emulator

using namespace emulator;

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
    static char something;
    *handle = reinterpret_cast<cublasHandle_t>(&something);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasSetStream_v2(cublasHandle_t, cudaStream_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t, cublasOperation_t a_operation, cublasOperation_t b_operation,
                                         int rows, int columns, int depth, const double* alpha, const double* a,
                                         int a_line, long long a_stride, const double* b, int b_line,
                                         long long b_stride, const double* beta, double* c, int c_line,
                                         long long c_stride, int batch) {
    const Product<double> product{rows, columns, depth, *alpha, {a, a_operation, a_line, a_stride},
                                  {b, b_operation, b_line, b_stride}, *beta, {c, CUBLAS_OP_N, c_line, c_stride}};
    return multiply("cublasDgemmStridedBatched", batch, product);
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t, cublasOperation_t a_operation, cublasOperation_t b_operation,
                                          int rows, int columns, int depth, const void* alpha, const void* a,
                                          cudaDataType a_type, int a_line, long long a_stride, const void* b,
                                          cudaDataType b_type, int b_line, long long b_stride, const void* beta,
                                          void* c, cudaDataType c_type, int c_line, long long c_stride, int batch,
                                          cublasComputeType_t, cublasGemmAlgo_t) {
    const char* name = "cublasGemmStridedBatchedEx";
    if (a_type != CUDA_R_32F || b_type != CUDA_R_32F || c_type != CUDA_R_32F) fail("%s is emulated in f32 only", name);
    const Product<float> product{rows, columns, depth, *static_cast<const float*>(alpha),
                                 {static_cast<const float*>(a), a_operation, a_line, a_stride},
                                 {static_cast<const float*>(b), b_operation, b_line, b_stride},
                                 *static_cast<const float*>(beta),
                                 {static_cast<float*>(c), CUBLAS_OP_N, c_line, c_stride}};
    return multiply(name, batch, product);
}
