// Streams and events: everything happens when it is called, so that there is nothing to wait for.
#include <cuda.h>

#include "context.h"

using namespace emulator;

namespace {

// What all handles point at.
char something;

}  // namespace

CUresult cuStreamCreate(CUstream* stream, unsigned) {
    require_context("cuStreamCreate");
    *stream = reinterpret_cast<CUstream>(&something);
    return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream) { return CUDA_SUCCESS; }

CUresult cuStreamSynchronize(CUstream) {
    require_context("cuStreamSynchronize");
    return CUDA_SUCCESS;
}

CUresult cuStreamWaitEvent(CUstream, CUevent, unsigned) { return CUDA_SUCCESS; }

CUresult cuStreamIsCapturing(CUstream, CUstreamCaptureStatus* status) {
    *status = CU_STREAM_CAPTURE_STATUS_NONE;
    return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent* event, unsigned) {
    require_context("cuEventCreate");
    *event = reinterpret_cast<CUevent>(&something);
    return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent) { return CUDA_SUCCESS; }

CUresult cuEventRecord(CUevent, CUstream) { return CUDA_SUCCESS; }
