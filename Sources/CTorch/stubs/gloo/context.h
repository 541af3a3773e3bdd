// A part of Gloo's interface: see algorithm.h. Never called from this package.
#pragma once

#include <chrono>

namespace gloo {
class Context {
 public:
    void setTimeout(std::chrono::milliseconds timeout);
};
}  // namespace gloo
