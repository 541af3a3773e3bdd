// The functions of OpenVINO's C API that this package calls, as pointers found at run time.
//
// Declared here after OpenVINO's documentation, so that neither its headers nor its library are
// needed for the build. Functions have OpenVINO's names without `ov_`, types have `cov_` in place of
// `ov_`. The constants are those of OpenVINO 2026.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Status of a call; 0 is success.
typedef int32_t cov_status;
enum {
    COV_OK = 0,
    COV_RESULT_NOT_READY = -9,
    COV_INFER_CANCELLED = -13,
};

/// The element type float32.
enum { COV_F32 = 4 };

typedef struct cov_core cov_core;
typedef struct cov_model cov_model;
typedef struct cov_compiled_model cov_compiled_model;
typedef struct cov_infer_request cov_infer_request;
typedef struct cov_tensor cov_tensor;
typedef struct cov_port cov_port;

typedef struct {
    const char *build_number;
    const char *description;
} cov_version;

typedef struct {
    char **names;
    size_t count;
} cov_devices;

typedef struct {
    const char *key;
    const void *value;
} cov_property;

typedef struct {
    int64_t rank;
    int64_t *sizes;
} cov_shape;

/// Sizes from `min` to `max`; a `max` of -1 is unbounded.
typedef struct {
    int64_t min;
    int64_t max;
} cov_dimension;

typedef struct {
    cov_dimension rank;
    cov_dimension *sizes;
} cov_partial_shape;

/// OpenVINO's functions. Returned pointers are borrowed, unless the type has a `_free` function.
typedef struct {
    cov_status (*get_openvino_version)(cov_version *);
    void (*version_free)(cov_version *);
    const char *(*get_error_info)(cov_status);
    const char *(*get_last_err_msg)(void);
    void (*free)(const char *);

    cov_status (*core_create)(cov_core **);
    void (*core_free)(cov_core *);
    cov_status (*core_get_available_devices)(const cov_core *, cov_devices *);
    void (*available_devices_free)(cov_devices *);
    cov_status (*core_get_property)(const cov_core *, const char *device, const char *key, char **);
    cov_status (*core_read_model_from_memory_buffer)(
        const cov_core *, const char *text, size_t length, const cov_tensor *weights, cov_model **);
    void (*model_free)(cov_model *);
    cov_status (*core_compile_model_props)(
        const cov_core *, const cov_model *, const char *device, size_t count,
        const cov_property *, cov_compiled_model **);
    cov_status (*core_compile_model_from_file_props)(
        const cov_core *, const char *path, const char *device, size_t count,
        const cov_property *, cov_compiled_model **);

    void (*compiled_model_free)(cov_compiled_model *);
    cov_status (*compiled_model_inputs_size)(const cov_compiled_model *, size_t *);
    cov_status (*compiled_model_input_by_name)(
        const cov_compiled_model *, const char *, cov_port **);
    cov_status (*compiled_model_output_by_name)(
        const cov_compiled_model *, const char *, cov_port **);
    cov_status (*compiled_model_get_property)(const cov_compiled_model *, const char *key, char **);
    cov_status (*compiled_model_create_infer_request)(
        const cov_compiled_model *, cov_infer_request **);

    void (*output_const_port_free)(cov_port *);
    cov_status (*port_get_partial_shape)(const cov_port *, cov_partial_shape *);
    void (*partial_shape_free)(cov_partial_shape *);
    cov_status (*port_get_element_type)(const cov_port *, int32_t *);

    cov_status (*infer_request_set_tensor)(cov_infer_request *, const char *, const cov_tensor *);
    cov_status (*infer_request_get_tensor)(const cov_infer_request *, const char *, cov_tensor **);
    cov_status (*infer_request_start_async)(cov_infer_request *);
    cov_status (*infer_request_wait_for)(cov_infer_request *, int64_t milliseconds);
    cov_status (*infer_request_cancel)(cov_infer_request *);
    void (*infer_request_free)(cov_infer_request *);

    cov_status (*tensor_create_from_host_ptr)(int32_t type, cov_shape, void *, cov_tensor **);
    cov_status (*tensor_get_shape)(const cov_tensor *, cov_shape *);
    cov_status (*shape_free)(cov_shape *);
    cov_status (*tensor_get_element_type)(const cov_tensor *, int32_t *);
    cov_status (*tensor_data)(const cov_tensor *, void **);
    void (*tensor_free)(cov_tensor *);
} cov_functions;

/// Result of `cov_open`.
typedef enum {
    COV_OPENED,
    /// `reason` has the message of the dynamic linker.
    COV_NOT_OPENED,
    /// `reason` has the name of the missing function.
    COV_LACKS_FUNCTION,
} cov_opening;

/// Opens a library by path or name. It is never closed, because it has running threads.
///
/// `reason` receives at most `capacity` bytes.
cov_opening cov_open(const char *path, cov_functions *functions, char *reason, size_t capacity);

/// Gives memory that was freed back to the system, where the C library can do that.
void cov_trim_memory(void);
