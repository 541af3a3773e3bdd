// A thin C binding to libtorch: one boxed call reaches every ATen operator by name.
//
// No C++ exception leaves these functions. A function that can fail returns an error message (to be
// freed with `free`), or NULL on success. Functions with another return type cannot fail on dense
// tensors; an error there, such as asking for the strides of a sparse CSR tensor, ends the process
// with libtorch's message. Running out of memory for a message or a list ends the process, too.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A tensor: one strong reference to a `c10::TensorImpl`, released with `ct_release`.
typedef struct ct_tensor ct_tensor;

/// A seeded random number generator, released with `ct_generator_release`.
typedef struct ct_generator ct_generator;

/// What a `ct_value` holds.
typedef enum ct_kind : uint8_t {
    CT_NONE,
    CT_TENSOR,     // pointer: ct_tensor *
    CT_INTEGER,    // integer
    CT_REAL,       // real
    CT_BOOLEAN,    // integer
    CT_STRING,     // pointer: NUL-terminated; also names a device
    CT_INTEGERS,   // pointer: int64_t *, count
    CT_REALS,      // pointer: double *, count
    CT_TENSORS,    // pointer: ct_tensor **, count; NULL entries where the operator takes optionals
    CT_GENERATOR,  // pointer: ct_generator *
} ct_kind;

/// An argument or a result. Arguments are borrowed. A resulting tensor belongs to the caller, and
/// so does the array of a resulting list (freed with `free`) with each tensor in it.
typedef struct ct_value {
    ct_kind kind;
    int32_t count;
    int64_t integer;
    double real;
    const void *pointer;
} ct_value;

/// Calls the operator `name`, for example "add.Tensor" or "layer_norm", in namespace aten.
///
/// `name` must be a string constant: its address is the key of a cache. Omitted arguments take
/// their defaults. `result_count` is the capacity of `results` on entry, the number of results on
/// return.
char *ct_call(const char *name, const ct_value *arguments, int32_t argument_count,
              ct_value *results, int32_t *result_count);

/// Calls `observe` after each operator that this thread calls with `ct_call`, with its tensors
/// (borrowed); NULL ends it.
void ct_observe_calls(void *context, void (*observe)(void *context, const char *name,
                                                     ct_tensor *const *results, int32_t count));
/// The operator's schema, to be freed with `free`; NULL when this libtorch has no such operator.
char *ct_operator_schema(const char *name);
/// Starts to count all operators of this thread, also those inside others and in backward passes.
void ct_count_operators(void);
/// Ends that. Lines of a name and a number, to be freed with `free`.
char *ct_operator_counts(void);

void ct_release(ct_tensor *tensor);
/// Adds a reference, to be released with `ct_release`.
void ct_retain(ct_tensor *tensor);

/// A tensor over the caller's memory; `release(context)` is called when libtorch frees the tensor.
char *ct_from_memory(void *memory, const int64_t *sizes, int32_t dimensions, int32_t dtype,
                     void *context, void (*release)(void *context), ct_tensor **result);

int32_t ct_dimensions(const ct_tensor *tensor);
/// Valid as long as the tensor lives and keeps its shape.
const int64_t *ct_sizes(const ct_tensor *tensor);
/// Valid as long as the tensor lives and keeps its shape.
const int64_t *ct_strides(const ct_tensor *tensor);
int64_t ct_element_count(const ct_tensor *tensor);
int32_t ct_dtype(const ct_tensor *tensor);
/// The version counter: the number of in-place writes through any tensor that shares the elements.
int64_t ct_edits(const ct_tensor *tensor);
/// Increments the version counter, for operators that write in place without doing so.
void ct_count_edit(ct_tensor *tensor);
bool ct_is_contiguous(const ct_tensor *tensor);
/// Whether the elements fill their memory without gaps or overlaps, in any order of the axes.
bool ct_is_dense(const ct_tensor *tensor);
/// Pointer to the first element, or NULL for memory that is not the CPU's.
void *ct_memory(const ct_tensor *tensor);
/// "cpu", "cuda", "mps" … as a constant string, and the index (-1 for none).
const char *ct_device_kind(const ct_tensor *tensor);
int32_t ct_device_index(const ct_tensor *tensor);
/// Loads libtorch's library for NVIDIA GPUs where there is one. Call it before other functions.
void ct_load_devices(void);
/// NULL when this build can use the device `name`, for example "cpu" or "cuda:0".
char *ct_check_device(const char *name);
/// The peak of a device's memory in bytes: of tensors, and with what the allocator holds in reserve.
/// False for the CPU, for a device without tensors, and before PyTorch 2.11.
bool ct_peak_memory(const char *device, int64_t *allocated, int64_t *reserved);

bool ct_requires_grad(const ct_tensor *tensor);
char *ct_set_requires_grad(ct_tensor *tensor, bool required);
/// The accumulated gradient, or NULL when there is none.
ct_tensor *ct_grad(const ct_tensor *tensor);
/// `grad` has the tensor's shape, type and device; NULL removes the gradient.
char *ct_set_grad(ct_tensor *tensor, const ct_tensor *grad);
/// `gradient` may be NULL for a scalar.
char *ct_backward(const ct_tensor *tensor, const ct_tensor *gradient, bool retain_graph,
                  bool create_graph);
/// Gradients of the outputs with respect to the inputs; NULL in `results` where there is none.
/// `gradients` may be NULL when each output is a scalar.
char *ct_gradients(ct_tensor *const *outputs, int32_t output_count, ct_tensor *const *inputs,
                   int32_t input_count, ct_tensor *const *gradients, bool retain_graph,
                   bool create_graph, ct_tensor **results);

/// A node of the autograd graph whose backward pass the caller computes.
typedef struct ct_step {
    void *context;
    /// Receives the gradients of the outputs (borrowed; NULL for none) and sets those of the inputs
    /// (owned by the caller then; NULL for none). May run on any thread.
    void (*backward)(void *context, ct_tensor *const *gradients, ct_tensor **results);
    /// Called once, when the node is freed.
    void (*release)(void *context);
} ct_step;

/// Inserts `step` into the autograd graph between the inputs and the outputs, which must not
/// require gradients. `results` are the outputs connected to the graph. The step is released in any
/// case.
char *ct_record(ct_tensor *const *inputs, int32_t input_count, ct_tensor *const *outputs,
                int32_t output_count, ct_step step, ct_tensor **results);

/// Calls `call(context)` after each backward pass has added to the gradient of a leaf tensor, on
/// the thread that added it. Replaces an existing hook; NULL for `call` removes it.
/// `release(context)` is called when the hook is removed.
char *ct_set_grad_hook(ct_tensor *tensor, void *context, void (*call)(void *context),
                       void (*release)(void *context));

/// Sets the grad mode of this thread; returns the previous mode.
bool ct_set_grad_enabled(bool enabled);
bool ct_grad_enabled(void);

/// The state before `ct_autocast_begin`, to be passed to `ct_autocast_end`.
typedef struct ct_autocast {
    bool enabled;
    int32_t dtype;
} ct_autocast;

/// Enables autocast to `dtype`, or disables it when `enabled` is false.
char *ct_autocast_begin(const char *device, bool enabled, int32_t dtype, ct_autocast *before);
char *ct_autocast_end(const char *device, ct_autocast before);
/// Whether autocast is enabled for the CPU on this thread.
bool ct_autocast_enabled(void);
/// The current autocast state of this thread.
char *ct_autocast_now(const char *device, ct_autocast *now);
/// Sets whether autocast caches the weights that it casts on this thread; returns the old value.
bool ct_autocast_cache(bool keep);

/// Seeds the default generators of all devices.
char *ct_seed(uint64_t seed);
/// A generator for the CPU.
char *ct_generator_make(uint64_t seed, ct_generator **result);
void ct_generator_release(ct_generator *generator);

/// A key-value store that one process serves over TCP, for the rendezvous of all processes.
typedef struct ct_store ct_store;

/// A group of processes; when one exits, the others get an error.
typedef struct ct_group ct_group;

/// A running collective, released with `ct_work_release`.
typedef struct ct_work ct_work;

// All times are in milliseconds.

/// Serves a store, or connects to it within `limit`. When serving, port 0 lets the system choose a
/// port, which is returned in `listening`. Keys with different prefixes are separate.
char *ct_store_open(const char *host, int32_t port, bool serves, const char *prefix, int64_t limit,
                    ct_store **result, int32_t *listening);
void ct_store_close(ct_store *store);

/// Waits at most `limit` until `size` processes have joined, and connects them. `timeout` is the
/// default for collectives.
char *ct_group_join(const ct_store *store, const char *host, int32_t rank, int32_t size,
                    int64_t limit, int64_t timeout, ct_group **result);
/// Waits for running collectives, at most until their timeouts.
void ct_group_leave(ct_group *group);

// Collectives on contiguous CPU tensors with the same shape and type on all ranks, called in the
// same order on all ranks and from one thread at a time. The tensors are retained until the work
// ends.
char *ct_group_sum(const ct_group *group, ct_tensor *tensor, int64_t timeout, ct_work **result);
char *ct_group_broadcast(const ct_group *group, ct_tensor *tensor, int32_t root, int64_t timeout,
                         ct_work **result);
/// `results` has a tensor for each rank.
char *ct_group_gather(const ct_group *group, const ct_tensor *tensor, ct_tensor *const *results,
                      int64_t timeout, ct_work **result);
char *ct_group_barrier(const ct_group *group, int64_t timeout, ct_work **result);

/// Waits for the end; the message says why the collective failed, or that `limit` was exceeded.
char *ct_work_wait(ct_work *work, int64_t limit);
bool ct_work_is_done(ct_work *work);
void ct_work_release(ct_work *work);

/// `count` is positive.
char *ct_set_threads(int32_t count);
int32_t ct_threads(void);
/// Keeps memory that tensors free in the process, for the next tensors; nothing outside glibc.
void ct_keep_freed_memory(void);
/// libtorch's version, for example "2.13.0".
const char *ct_version(void);

#ifdef __cplusplus
}
#endif
