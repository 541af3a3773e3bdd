// The boxed call: converts arguments to IValues by the operator's schema, and results back.

#include <array>
#include <map>
#include <mutex>
#include <sstream>
#include <unordered_map>
#include <vector>

#include <ATen/core/Generator.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <ATen/core/stack.h>
#include <ATen/record_function.h>

#include "support.h"

namespace {

using c10::IValue;
using c10::TypeKind;

/// The parts of an operator's parameter that a call needs.
struct Parameter {
    TypeKind kind;
    TypeKind element;  // of a list
    bool optional_elements = false;
    int32_t length = 0;  // of a list of fixed length such as int[2]
    bool optional = false;
    bool has_default = false;
    IValue default_value;
    std::string name;
};

struct Operator {
    c10::OperatorHandle handle;
    std::vector<Parameter> parameters;
};

Parameter describe(const c10::Argument &argument) {
    Parameter parameter;
    parameter.name = argument.name();
    c10::TypePtr type = argument.type();
    if (auto optional = type->cast<c10::OptionalType>()) {
        type = optional->getElementType();
        parameter.optional = parameter.has_default = true;
    }
    parameter.kind = type->kind();
    parameter.element = TypeKind::NoneType;
    if (auto list = type->cast<c10::ListType>()) {
        c10::TypePtr element = list->getElementType();
        if (auto optional = element->cast<c10::OptionalType>()) {
            parameter.optional_elements = true;
            element = optional->getElementType();
        }
        parameter.element = element->kind();
    }
    if (argument.N()) parameter.length = *argument.N();
    if (argument.default_value()) {
        parameter.has_default = true;
        parameter.default_value = *argument.default_value();
    }
    return parameter;
}

/// Operators live as long as the process, so a pointer to one stays valid.
const Operator *find(const char *name) {
    static std::mutex mutex;
    static std::unordered_map<std::string, std::unique_ptr<Operator>> operators;
    std::lock_guard<std::mutex> lock(mutex);
    auto &entry = operators[name];
    if (entry == nullptr) {
        std::string base = name, overload;
        if (auto dot = base.find('.'); dot != std::string::npos) {
            overload = base.substr(dot + 1);
            base.resize(dot);
        }
        if (base.find("::") == std::string::npos) base = "aten::" + base;
        auto handle = c10::Dispatcher::singleton().findSchema({base, overload});
        TORCH_CHECK(handle, "this libtorch has no such operator");
        std::vector<Parameter> parameters;
        for (const auto &argument : handle->schema().arguments()) {
            parameters.push_back(describe(argument));
        }
        entry = std::make_unique<Operator>(Operator{*handle, std::move(parameters)});
    }
    return entry.get();
}

/// Looks an operator up by the address of its name. The table is per thread and needs no lock.
const Operator *cached(const char *name) {
    constexpr size_t size = 4096, probes = 8;
    struct Slot {
        const char *name;
        const Operator *found;
    };
    thread_local std::array<Slot, size> slots{};
    const size_t start = (reinterpret_cast<uintptr_t>(name) * 0x9E3779B97F4A7C15ull) >> 52;
    for (size_t probe = 0; probe < probes; probe++) {
        Slot &slot = slots[(start + probe) % size];
        if (slot.name == name) return slot.found;
        if (slot.name == nullptr) {
            slot.found = find(name);
            slot.name = name;
            return slot.found;
        }
    }
    return find(name);
}

ct_tensor *const *tensors(const ct_value &value) {
    return static_cast<ct_tensor *const *>(value.pointer);
}

/// libtorch does not check the types of boxed arguments, so they are checked here.
void expect(bool fits, const char *requirement) { TORCH_CHECK(fits, requirement); }

IValue integers(const ct_value &value, const Parameter &parameter) {
    const auto *first = static_cast<const int64_t *>(value.pointer);
    if (parameter.element == TypeKind::NumberType) {
        expect(value.count == 0, "must not be a list of numbers");
        return c10::List<std::optional<at::Scalar>>();
    }
    if (parameter.element == TypeKind::BoolType) {
        c10::List<bool> list;
        for (int32_t i = 0; i < value.count; i++) list.push_back(first[i] != 0);
        return list;
    }
    if (parameter.element == TypeKind::FloatType) {
        return c10::List<double>(std::vector<double>(first, first + value.count));
    }
    expect(parameter.element == TypeKind::IntType, "must not be a list of integers");
    c10::List<int64_t> list;
    list.reserve(value.count);
    for (int32_t i = 0; i < value.count; i++) list.push_back(first[i]);
    return list;
}

IValue reals(const ct_value &value, const Parameter &parameter) {
    expect(parameter.element == TypeKind::FloatType, "must not be a list of real numbers");
    const auto *first = static_cast<const double *>(value.pointer);
    return c10::List<double>(std::vector<double>(first, first + value.count));
}

template <typename Element>
IValue tensor_list(const ct_value &value) {
    c10::List<Element> list;
    list.reserve(value.count);
    for (int32_t i = 0; i < value.count; i++) {
        const ct_tensor *element = tensors(value)[i];
        if constexpr (std::is_same_v<Element, at::Tensor>) {
            expect(element != nullptr, "must be a list without nil");
            list.push_back(ctorch::borrow(element));
        } else {
            list.push_back(element == nullptr ? std::nullopt : Element(ctorch::borrow(element)));
        }
    }
    return list;
}

IValue list_value(const ct_value &value, const Parameter &parameter) {
    switch (value.kind) {
    case CT_INTEGER: {  // one number for all axes, as in PyTorch
        expect(parameter.element == TypeKind::IntType, "must be a list");
        const int32_t length = parameter.length > 0 ? parameter.length : 1;
        return c10::List<int64_t>(std::vector<int64_t>(length, value.integer));
    }
    case CT_INTEGERS:
        return integers(value, parameter);
    case CT_REALS:
        return reals(value, parameter);
    case CT_TENSORS:
        expect(parameter.element == TypeKind::TensorType, "must not be a list of tensors");
        return parameter.optional_elements ? tensor_list<std::optional<at::Tensor>>(value)
                                           : tensor_list<at::Tensor>(value);
    default:
        TORCH_CHECK(false, "must be a list");
    }
}

IValue number(const ct_value &value) {
    switch (value.kind) {
    case CT_INTEGER:
        return value.integer;
    case CT_REAL:
        return value.real;
    case CT_BOOLEAN:
        return value.integer != 0;
    default:
        TORCH_CHECK(false, "must be a number");
    }
}

IValue none(const Parameter &parameter) {
    if (parameter.optional) return IValue();
    expect(parameter.has_default, "must not be nil");
    return parameter.default_value;
}

IValue make(const ct_value &value, const Parameter &parameter) {
    if (value.kind == CT_NONE) return none(parameter);
    switch (parameter.kind) {
    case TypeKind::TensorType:
        expect(value.kind == CT_TENSOR, "must be a tensor");
        return ctorch::borrow(static_cast<const ct_tensor *>(value.pointer));
    case TypeKind::NumberType:
        return number(value);
    case TypeKind::IntType:
        expect(value.kind == CT_INTEGER, "must be an integer");
        return value.integer;
    case TypeKind::FloatType:
        if (value.kind == CT_INTEGER) return static_cast<double>(value.integer);
        expect(value.kind == CT_REAL, "must be a real number");
        return value.real;
    case TypeKind::BoolType:
        expect(value.kind == CT_BOOLEAN, "must be true or false");
        return value.integer != 0;
    case TypeKind::StringType:
        expect(value.kind == CT_STRING, "must be a string");
        return std::string(static_cast<const char *>(value.pointer));
    case TypeKind::DeviceObjType:
        expect(value.kind == CT_STRING, "must be a device");
        return c10::Device(std::string(static_cast<const char *>(value.pointer)));
    case TypeKind::GeneratorType:
        expect(value.kind == CT_GENERATOR, "must be a generator");
        return *static_cast<const at::Generator *>(value.pointer);
    case TypeKind::ListType:
        return list_value(value, parameter);
    default:
        TORCH_CHECK(false, "has a type that this binding does not support");
    }
}

void push(const Operator &op, const ct_value *arguments, int32_t count, torch::jit::Stack &stack) {
    TORCH_CHECK(count <= static_cast<int32_t>(op.parameters.size()), "takes ",
                op.parameters.size(), " arguments, not ", count);
    for (size_t i = 0; i < op.parameters.size(); i++) {
        const Parameter &parameter = op.parameters[i];
        if (static_cast<int32_t>(i) >= count) {
            TORCH_CHECK(parameter.has_default, "argument '", parameter.name, "' is missing");
            stack.push_back(parameter.default_value);
            continue;
        }
        try {
            stack.push_back(make(arguments[i], parameter));
        } catch (const c10::Error &error) {
            TORCH_CHECK(false, "argument '", parameter.name, "' ",
                        error.what_without_backtrace());
        }
    }
}

bool is_supported(const IValue &value) {
    return value.isTensor() || value.isTensorList() || value.isBool() || value.isInt() ||
           value.isDouble() || value.isNone();
}

/// Receives the results of each call of this thread.
struct Observer {
    void *context = nullptr;
    void (*observe)(void *context, const char *name, ct_tensor *const *results,
                    int32_t count) = nullptr;
};
thread_local Observer observer;

void tell(const char *name, const torch::jit::Stack &stack) {
    std::vector<ct_tensor *> found;
    for (const IValue &value : stack) {
        if (!value.isTensor() || !value.toTensor().defined()) continue;
        found.push_back(reinterpret_cast<ct_tensor *>(value.toTensor().unsafeGetTensorImpl()));
    }
    observer.observe(observer.context, name, found.data(), static_cast<int32_t>(found.size()));
}

/// How often each operator ran on this thread, also inside other operators and in backward passes.
thread_local std::map<std::string, int64_t> counts;
thread_local std::optional<at::CallbackHandle> counting;

std::unique_ptr<at::ObserverContext> count(const at::RecordFunction &function) {
    counts[function.name()] += 1;
    return nullptr;
}

/// Converts a supported value. An exception here would leak the results before it.
ct_value result(IValue &&value) noexcept {
    ct_value out = {};
    if (value.isTensor()) {
        out.pointer = ctorch::give(std::move(value).toTensor());
        out.kind = out.pointer == nullptr ? CT_NONE : CT_TENSOR;
    } else if (value.isTensorList()) {
        const auto list = value.toTensorVector();
        auto handles = ctorch::present(
            static_cast<ct_tensor **>(std::malloc(sizeof(ct_tensor *) * list.size() + 1)));
        for (size_t i = 0; i < list.size(); i++) handles[i] = ctorch::give(list[i]);
        out.kind = CT_TENSORS;
        out.count = static_cast<int32_t>(list.size());
        out.pointer = handles;
    } else if (value.isBool()) {
        out.kind = CT_BOOLEAN;
        out.integer = value.toBool();
    } else if (value.isInt()) {
        out.kind = CT_INTEGER;
        out.integer = value.toInt();
    } else if (value.isDouble()) {
        out.kind = CT_REAL;
        out.real = value.toDouble();
    }
    return out;
}

}  // namespace

extern "C" char *ct_call(const char *name, const ct_value *arguments, int32_t argument_count,
                         ct_value *results, int32_t *result_count) {
    return ctorch::guarded([&] {
        ctorch::adopt_threads();
        const Operator *op = cached(name);
        // Reusing the previous call's stack saves an allocation. A nested call finds `spare` empty
        // and allocates its own.
        thread_local torch::jit::Stack spare;
        torch::jit::Stack stack = std::move(spare);
        stack.clear();
        push(*op, arguments, argument_count, stack);
        op->handle.callBoxed(stack);
        TORCH_CHECK(static_cast<int32_t>(stack.size()) <= *result_count, "returns ", stack.size(),
                    " results, more than this binding supports");
        for (const IValue &value : stack) {
            TORCH_CHECK(is_supported(value), "returns a ", value.tagKind(),
                        ", which this binding does not support");
        }
        if (observer.observe != nullptr) tell(name, stack);
        for (size_t i = 0; i < stack.size(); i++) results[i] = result(std::move(stack[i]));
        *result_count = static_cast<int32_t>(stack.size());
        stack.clear();
        spare = std::move(stack);
    });
}

extern "C" void ct_observe_calls(void *context,
                                 void (*observe)(void *context, const char *name,
                                                 ct_tensor *const *results, int32_t count)) {
    observer = Observer{context, observe};
}

extern "C" char *ct_operator_schema(const char *name) {
    char *schema = nullptr;
    std::free(ctorch::guarded([&] {
        std::ostringstream text;
        text << find(name)->handle.schema();
        schema = ctorch::copy(text.str());
    }));
    return schema;
}

extern "C" void ct_count_operators(void) {
    counts.clear();
    if (counting) return;
    counting = at::addThreadLocalCallback(
        at::RecordFunctionCallback(count).scopes({at::RecordScope::FUNCTION}));
}

extern "C" char *ct_operator_counts(void) {
    if (counting) at::removeCallback(*counting);
    counting.reset();
    std::string text;
    for (const auto &[name, number] : counts) text += name + " " + std::to_string(number) + "\n";
    return ctorch::copy(text);
}
