// Gradients, grad mode and autocast.

#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "support.h"

using ctorch::borrow;

namespace {

torch::autograd::variable_list list(ct_tensor *const *tensors, int32_t count) {
    torch::autograd::variable_list result;
    if (tensors == nullptr) return result;
    for (int32_t i = 0; i < count; i++) result.push_back(borrow(tensors[i]));
    return result;
}

/// Calls the caller's hook after a gradient was accumulated.
struct GradHook final : torch::autograd::PostAccumulateGradHook {
    void *context;
    void (*call)(void *context);
    void (*release)(void *context);

    GradHook(void *context, void (*call)(void *), void (*release)(void *))
        : context(context), call(call), release(release) {}
    GradHook(const GradHook &) = delete;
    GradHook &operator=(const GradHook &) = delete;
    ~GradHook() override { release(context); }

    void operator()(const at::Tensor &) override { call(context); }
};

}  // namespace

extern "C" {

bool ct_requires_grad(const ct_tensor *tensor) { return borrow(tensor).requires_grad(); }

char *ct_set_requires_grad(ct_tensor *tensor, bool required) {
    return ctorch::guarded([&] {
        const at::Tensor target = borrow(tensor);
        TORCH_CHECK(required || target.is_leaf(),
                    "only a leaf tensor can stop requiring a gradient: detach this one");
        target.set_requires_grad(required);
    });
}

ct_tensor *ct_grad(const ct_tensor *tensor) {
    return ctorch::certain([&] { return ctorch::give(borrow(tensor).grad()); });
}

char *ct_set_grad(ct_tensor *tensor, const ct_tensor *grad) {
    return ctorch::guarded([&] {
        const at::Tensor target = borrow(tensor), given = borrow(grad);
        if (given.defined()) {
            TORCH_CHECK(!given.is_same(target), "can't assign a tensor as its own grad");
            TORCH_CHECK(given.scalar_type() == target.scalar_type(),
                        "assigned grad has data of a different type");
            TORCH_CHECK(given.device() == target.device(),
                        "assigned grad has data located on a different device");
            TORCH_CHECK(given.sizes() == target.sizes(),
                        "assigned grad has data of a different size");
        }
        target.mutable_grad() = given;
    });
}

char *ct_backward(const ct_tensor *tensor, const ct_tensor *gradient, bool retain_graph,
                  bool create_graph) {
    return ctorch::guarded([&] {
        ctorch::adopt_threads();
        torch::autograd::variable_list gradients;
        if (gradient != nullptr) gradients.push_back(borrow(gradient));
        torch::autograd::backward({borrow(tensor)}, gradients, retain_graph, create_graph);
    });
}

char *ct_gradients(ct_tensor *const *outputs, int32_t output_count, ct_tensor *const *inputs,
                   int32_t input_count, ct_tensor *const *gradients, bool retain_graph,
                   bool create_graph, ct_tensor **results) {
    return ctorch::guarded([&] {
        ctorch::adopt_threads();
        const auto found = torch::autograd::grad(
            list(outputs, output_count), list(inputs, input_count), list(gradients, output_count),
            retain_graph, create_graph, /*allow_unused=*/true);
        for (int32_t i = 0; i < input_count; i++) results[i] = ctorch::give(found[i]);
    });
}

char *ct_set_grad_hook(ct_tensor *tensor, void *context, void (*call)(void *context),
                       void (*release)(void *context)) {
    return ctorch::guarded([&] {
        std::unique_ptr<torch::autograd::PostAccumulateGradHook> hook;
        if (call != nullptr) hook = std::make_unique<GradHook>(context, call, release);
        const at::Tensor target = borrow(tensor);
        TORCH_CHECK(target.is_leaf(), "only leaf tensors accumulate a gradient");
        torch::autograd::impl::set_post_acc_grad_hooks(target, std::move(hook));
    });
}

bool ct_set_grad_enabled(bool enabled) {
    const bool before = at::GradMode::is_enabled();
    at::GradMode::set_enabled(enabled);
    return before;
}

bool ct_grad_enabled(void) { return at::GradMode::is_enabled(); }

char *ct_autocast_begin(const char *device, bool enabled, int32_t dtype, ct_autocast *before) {
    return ctorch::guarded([&] {
        const auto place = c10::Device(std::string(device)).type();
        before->enabled = at::autocast::is_autocast_enabled(place);
        before->dtype = static_cast<int32_t>(at::autocast::get_autocast_dtype(place));
        if (enabled) {
            at::autocast::set_autocast_dtype(place, static_cast<c10::ScalarType>(dtype));
        }
        at::autocast::set_autocast_enabled(place, enabled);
        at::autocast::increment_nesting();
    });
}

char *ct_autocast_end(const char *device, ct_autocast before) {
    return ctorch::guarded([&] {
        const auto place = c10::Device(std::string(device)).type();
        if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
        at::autocast::set_autocast_enabled(place, before.enabled);
        at::autocast::set_autocast_dtype(place, static_cast<c10::ScalarType>(before.dtype));
    });
}

char *ct_autocast_now(const char *device, ct_autocast *now) {
    return ctorch::guarded([&] {
        const auto place = c10::Device(std::string(device)).type();
        now->enabled = at::autocast::is_autocast_enabled(place);
        now->dtype = static_cast<int32_t>(at::autocast::get_autocast_dtype(place));
    });
}

bool ct_autocast_cache(bool keep) {
    const bool before = at::autocast::is_autocast_cache_enabled();
    at::autocast::set_autocast_cache_enabled(keep);
    return before;
}

bool ct_autocast_enabled(void) { return at::autocast::is_autocast_enabled(at::kCPU); }

}  // extern "C"
