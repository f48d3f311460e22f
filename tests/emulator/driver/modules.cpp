// Modules: kernels are taken by name from the libraries beside the driver; PTX only says which a module has.
#include <cuda.h>
#include <dlfcn.h>

#include <filesystem>
#include <map>
#include <set>

#include "../runtime/kernel.h"
#include "operation.h"
#include "report.h"

namespace emulator {
namespace {

std::map<std::string, Kernel> kernels;

void load_libraries() {
    Dl_info driver;
    dladdr(reinterpret_cast<void*>(&load_libraries), &driver);
    const auto folder = std::filesystem::path(driver.dli_fname).parent_path() / "kernels";
    for (const auto& library : std::filesystem::directory_iterator(folder)) {
        if (!dlopen(library.path().c_str(), RTLD_NOW)) fail("%s", dlerror());
    }
}

using Names = std::set<std::string>;

Names kernels_of(const std::string& ptx) {
    const std::string entry = ".entry ";
    Names names;
    for (size_t place = ptx.find(entry); place != std::string::npos; place = ptx.find(entry, place)) {
        place += entry.size();
        names.insert(ptx.substr(place, ptx.find('(', place) - place));
    }
    return names;
}

}  // namespace

void add_kernel(Kernel kernel) {
    const std::string name = kernel.name;
    if (!kernels.emplace(name, std::move(kernel)).second) fail("there are two kernels %s", name.c_str());
}

}  // namespace emulator

using namespace emulator;

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
    const Operation operation("cuModuleLoadData");
    if (kernels.empty()) load_libraries();
    const std::string ptx = static_cast<const char*>(image);
    if (ptx.find(".version") == std::string::npos) fail("a module is not PTX, which alone is emulated");
    *module = reinterpret_cast<CUmodule>(new Names(kernels_of(ptx)));
    return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
    delete reinterpret_cast<Names*>(module);
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
    const Operation operation("cuModuleGetFunction");
    if (reinterpret_cast<Names*>(module)->count(name) == 0) return CUDA_ERROR_NOT_FOUND;
    const auto found = kernels.find(name);
    if (found == kernels.end()) {
        fail("kernel %s is not emulated; were program and emulator built from the same sources?", name);
    }
    *function = reinterpret_cast<CUfunction>(&found->second);
    return CUDA_SUCCESS;
}
