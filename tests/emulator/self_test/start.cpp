// start KERNEL: starts one of faulty.cu on 64 values, and says whether all of them are 1 then.
#include <cuda.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

int main(int, char** arguments) {
    const std::string name = arguments[1];
    // All that the emulator asks of PTX.
    const std::string ptx = ".version 9.0\n.entry " + name + "(";
    CUcontext context;
    CUmodule module;
    CUfunction kernel;
    CUdeviceptr address;
    int len = 64;
    cuInit(0);
    cuDevicePrimaryCtxRetain(&context, 0);
    cuCtxSetCurrent(context);
    cuModuleLoadData(&module, ptx.c_str());
    cuModuleGetFunction(&kernel, module, name.c_str());
    std::vector<float> values(len);
    cuMemAllocAsync(&address, len * sizeof(float), nullptr);
    void* parameters[] = {&address, &len};
    cuLaunchKernel(kernel, 1, 1, 1, len, 1, 1, len * sizeof(float), nullptr, parameters, nullptr);
    cuMemcpyDtoHAsync(values.data(), address, len * sizeof(float), nullptr);
    const bool is_right = std::all_of(values.begin(), values.end(), [](float value) { return value == 1.0f; });
    puts(is_right ? "right" : "wrong");
}
