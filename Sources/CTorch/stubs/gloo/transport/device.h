// A part of Gloo's interface: see algorithm.h. Only pointers to it are used.
#pragma once

namespace gloo::transport {
class Device;
class UnboundBuffer;
}  // namespace gloo::transport
