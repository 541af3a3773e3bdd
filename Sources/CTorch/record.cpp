// Autograd nodes whose gradients the caller computes.

#include <ATen/core/grad_mode.h>
#include <type_traits>

#include <torch/csrc/autograd/edge.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "support.h"

using ctorch::borrow;
using torch::autograd::variable_list;

namespace {

/// Releases the context once.
class Context {
  public:
    explicit Context(ct_step step) : step_(step) {}
    Context(const Context &) = delete;
    Context &operator=(const Context &) = delete;
    ~Context() { release(); }

    void release() {
        if (step_.context != nullptr) step_.release(step_.context);
        step_.context = nullptr;
    }

    const ct_step *held() const { return step_.context == nullptr ? nullptr : &step_; }

  private:
    ct_step step_;
};

class Step : public torch::autograd::Node {
  public:
    explicit Step(std::shared_ptr<Context> context) : context_(std::move(context)) {}

    std::string name() const override { return "Step"; }

    void release_variables() override {
        std::lock_guard<std::mutex> lock(mutex_);
        context_->release();
    }

    variable_list apply(variable_list &&gradients) override {
        std::lock_guard<std::mutex> lock(mutex_);
        TORCH_CHECK(!at::GradMode::is_enabled(),
                    "second derivatives of a custom gradient are not supported");
        const ct_step *step = context_->held();
        TORCH_CHECK(step != nullptr,
                    "the graph has been freed: an earlier backward pass did not retain it");
        std::vector<ct_tensor *> given, found(num_outputs(), nullptr);
        for (const at::Tensor &gradient : gradients) {
            given.push_back(gradient.defined() ? reinterpret_cast<ct_tensor *>(
                                                     gradient.unsafeGetTensorImpl())
                                               : nullptr);
        }
        step->backward(step->context, given.data(), found.data());
        variable_list results;
        for (ct_tensor *gradient : found) {
            results.push_back(gradient == nullptr ? at::Tensor()
                                                  : at::Tensor(ctorch::Reference::reclaim(
                                                        ctorch::implementation(gradient))));
        }
        return results;
    }

  private:
    std::shared_ptr<Context> context_;
};

/// The autograd graph's pointer to a node: a shared one in older versions of libtorch.
using NodePointer = decltype(torch::autograd::Edge::function);

/// A template, so that only the pointer's own branch is compiled.
template <typename Pointer, typename Made>
Pointer make_node(std::shared_ptr<Context> context) {
    if constexpr (std::is_same_v<Pointer, std::shared_ptr<torch::autograd::Node>>) {
        // Found by its argument, because newer versions have no such function.
        return Pointer(new Made(std::move(context)), [](auto *node) { deleteNode(node); });
    } else {
        return c10::make_intrusive<Made>(std::move(context));
    }
}

}  // namespace

extern "C" char *ct_record(ct_tensor *const *inputs, int32_t input_count,
                           ct_tensor *const *outputs, int32_t output_count, ct_step step,
                           ct_tensor **results) {
    auto context = std::make_shared<Context>(step);
    return ctorch::guarded([&] {
        variable_list sources, ends;
        for (int32_t i = 0; i < input_count; i++) sources.push_back(borrow(inputs[i]));
        const auto node = make_node<NodePointer, Step>(context);
        node->set_next_edges(torch::autograd::collect_next_edges(sources));
        for (int32_t i = 0; i < output_count; i++) {
            const at::Tensor output = borrow(outputs[i]);
            TORCH_CHECK(!output.requires_grad(), "an output already requires a gradient");
            // A second tensor over the same memory, so that the node may hold the output itself.
            ends.push_back(output.detach());
            torch::autograd::set_history(ends.back(), node);
        }
        for (int32_t i = 0; i < output_count; i++) results[i] = ctorch::give(ends[i]);
    });
}
