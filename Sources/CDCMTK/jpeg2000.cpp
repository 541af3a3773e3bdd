#include "internal.h"

#include <openjpeg.h>

#include <cstring>
#include <memory>

namespace {

struct Source {
    const uint8_t *bytes;
    size_t count;
    size_t position;
};

OPJ_SIZE_T read(void *target, OPJ_SIZE_T count, void *data) {
    auto *source = static_cast<Source *>(data);
    const size_t left = source->count - source->position;
    if (left == 0) return OPJ_SIZE_T(-1);
    if (count > left) count = left;
    memcpy(target, source->bytes + source->position, count);
    source->position += count;
    return count;
}

OPJ_OFF_T skip(OPJ_OFF_T count, void *data) {
    auto *source = static_cast<Source *>(data);
    const size_t left = source->count - source->position;
    if (count < 0) return -1;
    const size_t step = size_t(count) > left ? left : size_t(count);
    source->position += step;
    return OPJ_OFF_T(step);
}

OPJ_BOOL seek(OPJ_OFF_T position, void *data) {
    auto *source = static_cast<Source *>(data);
    if (position < 0 || size_t(position) > source->count) return OPJ_FALSE;
    source->position = size_t(position);
    return OPJ_TRUE;
}

void ignore(const char *, void *) {}

} // namespace

void decodeJPEG2000(const std::vector<uint8_t> &bytes, const PixelFormat &pixels,
                    uint8_t *samples) {
    Source source{bytes.data(), bytes.size(), 0};
    std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)> stream(
        opj_stream_default_create(OPJ_TRUE), opj_stream_destroy);
    // A file format instead of a bare code stream is not allowed in DICOM, and occurs.
    const bool isFile = bytes.size() > 8 && memcmp(bytes.data() + 4, "jP  ", 4) == 0;
    std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)> codec(
        opj_create_decompress(isFile ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K), opj_destroy_codec);
    if (!stream || !codec) throw std::bad_alloc();
    opj_stream_set_user_data(stream.get(), &source, nullptr);
    opj_stream_set_user_data_length(stream.get(), bytes.size());
    opj_stream_set_read_function(stream.get(), read);
    opj_stream_set_skip_function(stream.get(), skip);
    opj_stream_set_seek_function(stream.get(), seek);
    opj_set_error_handler(codec.get(), ignore, nullptr);
    opj_set_warning_handler(codec.get(), ignore, nullptr);
    opj_set_info_handler(codec.get(), ignore, nullptr);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_image_t *header = nullptr;
    if (!opj_setup_decoder(codec.get(), &parameters) ||
        !opj_read_header(stream.get(), codec.get(), &header)) {
        throw Failure{"damaged", "the header of its JPEG 2000 stream cannot be read"};
    }
    std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)> image(header, opj_image_destroy);
    const auto fits = [&] {
        if (image->numcomps != pixels.samples) return false;
        for (unsigned c = 0; c < image->numcomps; c++) {
            const opj_image_comp_t &component = image->comps[c];
            if (component.w != pixels.width || component.h != pixels.height ||
                component.prec > pixels.bitsAllocated || component.prec == 0) {
                return false;
            }
        }
        return true;
    };
    // Checked before decoding, which allocates what the stream states.
    if (!fits()) throw Failure{"damaged", "its JPEG 2000 stream has another size than it states"};
    if (!opj_decode(codec.get(), stream.get(), image.get()) ||
        !opj_end_decompress(codec.get(), stream.get()) || !fits()) {
        throw Failure{"damaged", "its JPEG 2000 stream cannot be decoded"};
    }
    for (unsigned c = 0; c < pixels.samples; c++) {
        const opj_image_comp_t &component = image->comps[c];
        if (component.data == nullptr) {
            throw Failure{"damaged", "its JPEG 2000 stream lacks a component"};
        }
        // Colours are unsigned.
        const int offset = component.sgnd && !pixels.isSigned ? 1 << (component.prec - 1) : 0;
        for (size_t i = 0; i < pixels.area(); i++) {
            const int value = component.data[i] + offset;
            const size_t place = i * pixels.samples + c;
            if (pixels.bitsAllocated == 8) {
                samples[place] = uint8_t(value);
            } else {
                const uint16_t wide = uint16_t(value);
                memcpy(samples + 2 * place, &wide, 2);
            }
        }
    }
}
