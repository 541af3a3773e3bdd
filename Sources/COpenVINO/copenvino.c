#include "copenvino.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

cov_opening cov_open(const char *path, cov_functions *functions, char *reason, size_t capacity) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *words = dlerror();
        snprintf(reason, capacity, "%s", words ? words : "unknown error of the dynamic linker");
        return COV_NOT_OPENED;
    }
    // ISO C does not allow casting `void *` to a function pointer: copy its bytes.
#define FIND(name)                                               \
    do {                                                         \
        void *found = dlsym(library, "ov_" #name);               \
        if (!found) {                                            \
            snprintf(reason, capacity, "ov_" #name);             \
            dlclose(library);                                    \
            return COV_LACKS_FUNCTION;                           \
        }                                                        \
        memcpy(&functions->name, &found, sizeof found);          \
    } while (0)
    FIND(get_openvino_version);
    FIND(version_free);
    FIND(get_error_info);
    FIND(get_last_err_msg);
    FIND(free);
    FIND(core_create);
    FIND(core_free);
    FIND(core_get_available_devices);
    FIND(available_devices_free);
    FIND(core_get_property);
    FIND(core_read_model_from_memory_buffer);
    FIND(model_free);
    FIND(core_compile_model_props);
    FIND(core_compile_model_from_file_props);
    FIND(compiled_model_free);
    FIND(compiled_model_inputs_size);
    FIND(compiled_model_input_by_name);
    FIND(compiled_model_output_by_name);
    FIND(compiled_model_get_property);
    FIND(compiled_model_create_infer_request);
    FIND(output_const_port_free);
    FIND(port_get_partial_shape);
    FIND(partial_shape_free);
    FIND(port_get_element_type);
    FIND(infer_request_set_tensor);
    FIND(infer_request_get_tensor);
    FIND(infer_request_start_async);
    FIND(infer_request_wait_for);
    FIND(infer_request_cancel);
    FIND(infer_request_free);
    FIND(tensor_create_from_host_ptr);
    FIND(tensor_get_shape);
    FIND(shape_free);
    FIND(tensor_get_element_type);
    FIND(tensor_data);
    FIND(tensor_free);
#undef FIND
    return COV_OPENED;
}

#ifdef __GLIBC__
#include <malloc.h>

void cov_trim_memory(void) { malloc_trim(0); }
#else
void cov_trim_memory(void) {}
#endif
