// DICOM images through DCMTK, and JPEG 2000 through OpenJPEG.
//
// Only the program samus-dicom links this: the decoders are C++ that reads files of other people, so
// they run in a process of their own, with limits. No C++ exception leaves these functions.
#ifndef CDCMTK_H
#define CDCMTK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CDCMTK_REASON_SIZE = 240 };

// Why a file cannot be read; `reason` says what was found.
typedef struct {
    // "not_dicom", "no_image", "unsupported", "too_large" or "damaged"; static text.
    const char *kind;
    char reason[CDCMTK_REASON_SIZE];
} cdcmtk_error;

typedef struct {
    uint32_t width;
    uint32_t height;
    uint32_t frames;
    // 1 (grey) or 3 (red, green, blue).
    uint32_t channels;
} cdcmtk_size;

typedef struct cdcmtk_file cdcmtk_file;

// Registers the codecs and loads the data dictionary: the only call that opens files.
void cdcmtk_prepare(void);

// Parses a file; `bytes` may be freed afterwards. No pixel is decoded, and nothing is allocated for
// pixels. `pixel_limit` is the largest accepted product of rows and columns.
// Returns NULL and fills `error` if the file cannot be read.
cdcmtk_file *cdcmtk_open(const uint8_t *bytes, size_t count, uint64_t pixel_limit,
                         cdcmtk_error *error);

// The size of the frames; all zero for a file without an image (a DICOMDIR, a report).
cdcmtk_size cdcmtk_image_size(const cdcmtk_file *file);

// What the file states about its image, as one line of JSON: no data of the patient.
const char *cdcmtk_description(const cdcmtk_file *file);

// Decodes frame `frame`, from 0, into `width * height * channels` bytes.
// Returns 0, or -1 and fills `error`.
int cdcmtk_frame(cdcmtk_file *file, uint32_t frame, uint8_t *pixels, cdcmtk_error *error);

// Patient ID and UIDs of the file, as one line of JSON.
const char *cdcmtk_identifiers(cdcmtk_file *file);

// Patient, study and identity of the file, which objects that are made from it repeat, as one line of
// JSON: by tag, for example "00100010". A character stands for a byte of the file.
const char *cdcmtk_context(cdcmtk_file *file);

// What a binary Segmentation object states about its masks, as one line of JSON: size, segments, and for
// each frame its segment, image and the image's frame. `area` and `frames` are set.
// Returns NULL and fills `error` for other files.
const char *cdcmtk_segmentation(cdcmtk_file *file, uint64_t pixel_limit, size_t *area,
                                uint32_t *frames, cdcmtk_error *error);

// Mask `frame`, from 0, after cdcmtk_segmentation(), as `area` bytes 0 and 1.
void cdcmtk_mask(const cdcmtk_file *file, uint32_t frame, uint8_t *pixels);

// What replaces the identifiers of a file, and the record of what was done.
typedef struct {
    const char *patient;
    const char *study;
    const char *series;
    const char *instance;
    const char *method;
    const char *derivation;
} cdcmtk_identity;

// The beginning of a DICOM file (explicit little endian) with the attributes that are safe to keep,
// up to and including the header of the pixel data. The frames follow as `cdcmtk_frame` decodes them,
// and a byte 0 if their number of bytes is odd. Only 8-bit pixels are accepted.
// Returns NULL and fills `error` if that is not possible.
const char *cdcmtk_deidentified_header(cdcmtk_file *file, const cdcmtk_identity *identity,
                                       size_t *count, cdcmtk_error *error);

void cdcmtk_close(cdcmtk_file *file);

#ifdef __cplusplus
}
#endif

#endif
