// Handles: memory, shape, random numbers, threads.

#include <climits>
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/DeviceType.h>
#include <torch/version.h>

#include "support.h"

using ctorch::implementation;

extern "C" {

void ct_release(ct_tensor *tensor) {
    ctorch::Reference::reclaim(implementation(tensor));
}

void ct_retain(ct_tensor *tensor) { ctorch::give(ctorch::borrow(tensor)); }

char *ct_from_memory(void *memory, const int64_t *sizes, int32_t dimensions, int32_t dtype,
                     void *context, void (*release)(void *context), ct_tensor **result) {
    return ctorch::guarded([&] {
        const auto options = at::TensorOptions().dtype(static_cast<c10::ScalarType>(dtype));
        at::Tensor tensor = at::for_blob(memory, at::IntArrayRef(sizes, dimensions))
                                .deleter([context, release](void *) { release(context); })
                                .options(options)
                                .make_tensor();
        *result = ctorch::give(std::move(tensor));
    });
}

int32_t ct_dimensions(const ct_tensor *tensor) {
    return ctorch::certain([&] { return static_cast<int32_t>(implementation(tensor)->dim()); });
}

const int64_t *ct_sizes(const ct_tensor *tensor) {
    return ctorch::certain([&] { return implementation(tensor)->sizes().data(); });
}

const int64_t *ct_strides(const ct_tensor *tensor) {
    return ctorch::certain([&] { return implementation(tensor)->strides().data(); });
}

int64_t ct_element_count(const ct_tensor *tensor) {
    return ctorch::certain([&] { return implementation(tensor)->numel(); });
}

int32_t ct_dtype(const ct_tensor *tensor) {
    return ctorch::certain([&] {
        return static_cast<int32_t>(c10::typeMetaToScalarType(implementation(tensor)->dtype()));
    });
}

int64_t ct_edits(const ct_tensor *tensor) {
    return ctorch::certain(
        [&] { return int64_t{implementation(tensor)->version_counter().current_version()}; });
}

void ct_count_edit(ct_tensor *tensor) {
    ctorch::certain([&] {
        implementation(tensor)->bump_version();
        return true;
    });
}

bool ct_is_contiguous(const ct_tensor *tensor) {
    return ctorch::certain([&] { return implementation(tensor)->is_contiguous(); });
}

bool ct_is_dense(const ct_tensor *tensor) {
    return ctorch::certain([&] { return implementation(tensor)->is_non_overlapping_and_dense(); });
}

void *ct_memory(const ct_tensor *tensor) {
    if (!implementation(tensor)->is_cpu()) return nullptr;
    return ctorch::certain([&] { return implementation(tensor)->mutable_data(); });
}

const char *ct_device_kind(const ct_tensor *tensor) {
    switch (ctorch::certain([&] { return implementation(tensor)->device_type(); })) {
    case c10::DeviceType::CPU:
        return "cpu";
    case c10::DeviceType::CUDA:
        return "cuda";
    case c10::DeviceType::MPS:
        return "mps";
    case c10::DeviceType::Meta:
        return "meta";
    default:
        return "other";
    }
}

int32_t ct_device_index(const ct_tensor *tensor) {
    return ctorch::certain([&] {
        return static_cast<int32_t>(implementation(tensor)->device().index());
    });
}

char *ct_seed(uint64_t seed) {
    return ctorch::guarded([&] { at::manual_seed(seed); });
}

char *ct_generator_make(uint64_t seed, ct_generator **result) {
    return ctorch::guarded([&] {
        auto *generator = new at::Generator(at::detail::createCPUGenerator(seed));
        *result = reinterpret_cast<ct_generator *>(generator);
    });
}

void ct_generator_release(ct_generator *generator) {
    delete reinterpret_cast<at::Generator *>(generator);
}

char *ct_set_threads(int32_t count) {
    return ctorch::guarded([&] {
        // Validates the count before any thread uses it.
        at::set_num_threads(count);
        ctorch::chosen_threads.store(count);
    });
}

int32_t ct_threads(void) {
    return ctorch::certain([&] {
        ctorch::adopt_threads();
        return at::get_num_threads();
    });
}

void ct_keep_freed_memory(void) {
#ifdef __GLIBC__
    // Without these, glibc maps blocks of more than 128 KiB anew for each tensor, and the kernel
    // clears their pages each time: 44 % of the CPU time of a training step.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_TOP_PAD, 64 << 20);
#endif
}

const char *ct_version(void) { return TORCH_VERSION; }

}  // extern "C"
