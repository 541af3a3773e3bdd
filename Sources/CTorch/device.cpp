// Devices: loading their libraries, and their memory.

#include <mutex>

#if __has_include(<dlfcn.h>)
#include <dlfcn.h>
#endif
#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <c10/core/Allocator.h>
#include <torch/version.h>

#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 11
#define CT_HAS_MEMORY_STATISTICS
#include <c10/core/CachingDeviceAllocator.h>
#endif

#include "support.h"

namespace {

/// Why libtorch's CUDA library could not be loaded; empty if it is loaded or does not exist.
std::string cuda_problem;

#ifdef CT_HAS_MEMORY_STATISTICS
c10::DeviceAllocator *allocator(const c10::Device &device) {
    if (device.is_cpu()) return nullptr;
    return dynamic_cast<c10::DeviceAllocator *>(c10::GetAllocator(device.type()));
}
#endif

}  // namespace

extern "C" {

void ct_load_devices(void) {
#ifdef __linux__
    static std::once_flag once;
    std::call_once(once, [] {
        // Found in the folder of libtorch_cpu, from which this library or program was linked.
        if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) return;
        const char *reason = dlerror();
        const std::string text = reason == nullptr ? "" : reason;
        // A libtorch without CUDA does not have the library itself.
        if (text.rfind("libtorch_cuda.so:", 0) != 0) cuda_problem = text;
    });
#endif
}

char *ct_check_device(const char *name) {
    char *message = ctorch::guarded([&] {
        const c10::Device device{std::string(name)};
        // Checked here because libtorch's own message is a list of all its kernels.
        TORCH_CHECK(!device.is_cuda() || cuda_problem.empty(),
                    "libtorch's CUDA library cannot be loaded: ", cuda_problem);
        TORCH_CHECK(!device.is_cuda() || at::globalContext().hasCUDA(),
                    "this libtorch has no CUDA, or this machine has no GPU for it");
        TORCH_CHECK(!device.is_mps() || at::globalContext().hasMPS(),
                    "this libtorch has no MPS, or this machine has no GPU for it");
        at::empty({1}, at::TensorOptions().device(device));
    });
    if (message != nullptr) message[std::strcspn(message, "\n")] = 0;
    return message;
}

bool ct_peak_memory(const char *name, int64_t *allocated, int64_t *reserved) {
#ifdef CT_HAS_MEMORY_STATISTICS
    bool found = false;
    char *message = ctorch::guarded([&] {
        const c10::Device device{std::string(name)};
        auto *memory = allocator(device);
        if (memory == nullptr || !memory->initialized()) return;
        const auto statistics = memory->getDeviceStats(device.has_index() ? device.index() : 0);
        // The first entry counts all pools together.
        *allocated = statistics.allocated_bytes[0].peak;
        *reserved = statistics.reserved_bytes[0].peak;
        found = true;
    });
    std::free(message);
    return found;
#else
    return false;
#endif
}

}  // extern "C"
