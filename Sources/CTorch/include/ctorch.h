// A thin C binding to libtorch: one boxed call reaches every ATen operator by name.
//
// No C++ exception leaves these functions. One that can fail returns a message (to be freed with
// `free`), or NULL when it succeeded. One that returns something else cannot fail on a tensor with
// memory of its own; what libtorch refuses there, as the strides of a sparse CSR tensor, ends the
// process with libtorch's message, and so does a lack of memory for a message or a list.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A tensor: one strong reference to a `c10::TensorImpl`, given back with `ct_release`.
typedef struct ct_tensor ct_tensor;

/// A seeded stream of random numbers, given back with `ct_generator_release`.
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

/// Calls the operator `name`, as "add.Tensor" or "layer_norm", in namespace aten.
///
/// `name` must stay at its address for ever: it is the key of a cache. Arguments not given take
/// their defaults. `result_count` holds the room in `results` and then the number of results.
char *ct_call(const char *name, const ct_value *arguments, int32_t argument_count,
              ct_value *results, int32_t *result_count);

void ct_release(ct_tensor *tensor);
/// Takes another reference, to be given back too.
void ct_retain(ct_tensor *tensor);

/// A tensor over memory of the caller's; `release(context)` is called when libtorch lets it go.
char *ct_from_memory(void *memory, const int64_t *sizes, int32_t dimensions, int32_t dtype,
                     void *context, void (*release)(void *context), ct_tensor **result);

int32_t ct_dimensions(const ct_tensor *tensor);
/// Valid as long as the tensor lives and keeps its shape.
const int64_t *ct_sizes(const ct_tensor *tensor);
/// Valid as long as the tensor lives and keeps its shape.
const int64_t *ct_strides(const ct_tensor *tensor);
int64_t ct_element_count(const ct_tensor *tensor);
int32_t ct_dtype(const ct_tensor *tensor);
/// How often the elements have been written to in place, by whatever tensor shares them.
int64_t ct_edits(const ct_tensor *tensor);
/// Counts a write that an operator did not count itself.
void ct_count_edit(ct_tensor *tensor);
bool ct_is_contiguous(const ct_tensor *tensor);
/// Whether the elements fill their memory without gap or overlap, whatever the order of the axes.
bool ct_is_dense(const ct_tensor *tensor);
/// First element, or NULL where the memory is not the processor's own.
void *ct_memory(const ct_tensor *tensor);
/// "cpu", "cuda", "mps" …, a constant string, and the index (-1 when there is none).
const char *ct_device_kind(const ct_tensor *tensor);
int32_t ct_device_index(const ct_tensor *tensor);
/// NULL when `name`, as "cpu" or "cuda:0", is a device this build can use now.
char *ct_check_device(const char *name);

bool ct_requires_grad(const ct_tensor *tensor);
char *ct_set_requires_grad(ct_tensor *tensor, bool required);
/// The accumulated gradient, or NULL when there is none.
ct_tensor *ct_grad(const ct_tensor *tensor);
/// `grad` has the tensor's shape, type and device, or is NULL to take the gradient away.
char *ct_set_grad(ct_tensor *tensor, const ct_tensor *grad);
/// `gradient` may be NULL for a scalar.
char *ct_backward(const ct_tensor *tensor, const ct_tensor *gradient, bool retain_graph,
                  bool create_graph);
/// Gradients of the outputs with respect to the inputs; NULL in `results` where there is none.
/// `gradients` may be NULL when each output is a scalar.
char *ct_gradients(ct_tensor *const *outputs, int32_t output_count, ct_tensor *const *inputs,
                   int32_t input_count, ct_tensor *const *gradients, bool retain_graph,
                   bool create_graph, ct_tensor **results);

/// A step of the history that the caller computes itself.
typedef struct ct_step {
    void *context;
    /// Gets the gradients of the outputs, borrowed, NULL where there is none; sets those of the
    /// inputs, which it gives away, NULL where there is none. Runs on any thread.
    void (*backward)(void *context, ct_tensor *const *gradients, ct_tensor **results);
    /// Called once, when the history goes.
    void (*release)(void *context);
} ct_step;

/// Puts `step` between the outputs, which must have no history, and the inputs. `results` are the
/// outputs with that history. The step is released in any case.
char *ct_record(ct_tensor *const *inputs, int32_t input_count, ct_tensor *const *outputs,
                int32_t output_count, ct_step step, ct_tensor **results);

/// Calls `call(context)` after each backward pass has added to the gradient of a leaf tensor, on the
/// thread that added it. Replaces the hook that was there; NULL for `call` takes it away.
/// `release(context)` is called when the hook goes.
char *ct_set_grad_hook(ct_tensor *tensor, void *context, void (*call)(void *context),
                       void (*release)(void *context));

/// The grad mode of this thread; returns the earlier one.
bool ct_set_grad_enabled(bool enabled);
bool ct_grad_enabled(void);

/// What `ct_autocast_begin` found, to be handed to `ct_autocast_end`.
typedef struct ct_autocast {
    bool enabled;
    int32_t dtype;
} ct_autocast;

/// Switches autocast to `dtype`, or off where `enabled` is false.
char *ct_autocast_begin(const char *device, bool enabled, int32_t dtype, ct_autocast *before);
char *ct_autocast_end(const char *device, ct_autocast before);
/// Whether this thread's autocast is on for the CPU.
bool ct_autocast_enabled(void);
/// This thread's autocast as it is now.
char *ct_autocast_now(const char *device, ct_autocast *now);
/// Whether autocast keeps the weights that it casts, on this thread; returns what was before.
bool ct_autocast_cache(bool keep);

/// Seeds the default generators of all devices.
char *ct_seed(uint64_t seed);
/// A generator for the CPU.
char *ct_generator_make(uint64_t seed, ct_generator **result);
void ct_generator_release(ct_generator *generator);

/// A table of keys in one process that others reach by TCP: where processes meet.
typedef struct ct_store ct_store;

/// Processes that work together; the others notice when one goes.
typedef struct ct_group ct_group;

/// A collective under way, given back with `ct_work_release`.
typedef struct ct_work ct_work;

// All times are in milliseconds.

/// Serves a store, or reaches it within `limit`. Port 0 lets the system choose where it is served;
/// `listening` is the port. Keys of other prefixes are apart.
char *ct_store_open(const char *host, int32_t port, bool serves, const char *prefix, int64_t limit,
                    ct_store **result, int32_t *listening);
void ct_store_close(ct_store *store);

/// Waits within `limit` until `size` processes are here, and connects them. `timeout` is for each
/// collective that is given none.
char *ct_group_join(const ct_store *store, const char *host, int32_t rank, int32_t size,
                    int64_t limit, int64_t timeout, ct_group **result);
/// Waits for what is under way, within its time.
void ct_group_leave(ct_group *group);

// Collectives on contiguous tensors of the CPU, of one shape and type on all ranks, called in the
// same order on all ranks and from one thread at a time. The tensors are kept until the work ends.
char *ct_group_sum(const ct_group *group, ct_tensor *tensor, int64_t timeout, ct_work **result);
char *ct_group_broadcast(const ct_group *group, ct_tensor *tensor, int32_t root, int64_t timeout,
                         ct_work **result);
/// `results` has a tensor for each rank.
char *ct_group_gather(const ct_group *group, const ct_tensor *tensor, ct_tensor *const *results,
                      int64_t timeout, ct_work **result);
char *ct_group_barrier(const ct_group *group, int64_t timeout, ct_work **result);

/// Waits for the end; the message tells why there is none, or that `limit` is over.
char *ct_work_wait(ct_work *work, int64_t limit);
bool ct_work_is_done(ct_work *work);
void ct_work_release(ct_work *work);

/// `count` is positive.
char *ct_set_threads(int32_t count);
int32_t ct_threads(void);
/// Keeps memory that tensors free in the process, for the next tensors; nothing outside glibc.
void ct_keep_freed_memory(void);
/// libtorch's version, as "2.13.0".
const char *ct_version(void);

#ifdef __cplusplus
}
#endif
