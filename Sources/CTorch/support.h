// Shared by the files of this target: handles, and the conversion of exceptions to messages.
#pragma once

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string>

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include "ctorch.h"

namespace ctorch {

using Reference = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

inline c10::TensorImpl *implementation(const ct_tensor *tensor) {
    return reinterpret_cast<c10::TensorImpl *>(const_cast<ct_tensor *>(tensor));
}

/// A tensor for the caller's handle, with its own reference.
inline at::Tensor borrow(const ct_tensor *tensor) {
    if (tensor == nullptr) return at::Tensor();
    return at::Tensor(Reference::reclaim_copy(implementation(tensor)));
}

/// Hands a reference to the caller; NULL for an undefined tensor.
inline ct_tensor *give(at::Tensor tensor) {
    if (!tensor.defined()) return nullptr;
    return reinterpret_cast<ct_tensor *>(tensor.unsafeReleaseTensorImpl());
}

/// Threads that one operator may use; 0 until it is set.
inline std::atomic<int32_t> chosen_threads{0};

/// OpenMP stores the count per thread, so it must be set again on each existing thread.
inline void adopt_threads() {
    thread_local int32_t adopted = 0;
    const int32_t chosen = chosen_threads.load(std::memory_order_relaxed);
    if (chosen == adopted) return;
    adopted = chosen;
    at::set_num_threads(chosen);
}

/// Ends the process, where an error cannot be returned: out of memory, or no return value for it.
[[noreturn]] inline void stop(const char *message) {
    std::fprintf(stderr, "libtorch: %s\n", message);
    std::abort();
}

/// Stops on NULL, which callers would read as success or write to.
template <typename Memory>
Memory *present(Memory *memory) {
    if (memory == nullptr) stop("out of memory");
    return memory;
}

inline char *copy(const std::string &message) { return present(strdup(message.c_str())); }

/// Runs `body`; any exception becomes a message.
template <typename Body>
char *guarded(Body &&body) {
    try {
        body();
        return nullptr;
    } catch (const c10::Error &error) {
        return copy(error.what_without_backtrace());
    } catch (const std::exception &error) {
        return copy(error.what());
    } catch (...) {
        return copy("an exception that is not a std::exception");
    }
}

/// Runs `body` in a function that returns no message; an exception ends the process.
template <typename Body>
auto certain(Body &&body) {
    std::optional<decltype(body())> result;
    if (const char *message = guarded([&] { result = body(); })) stop(message);
    return *result;
}

}  // namespace ctorch
