// What the files of the shim share.
#ifndef CDCMTK_INTERNAL_H
#define CDCMTK_INTERNAL_H

#include "include/cdcmtk.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <cstdint>
#include <string>
#include <vector>

// Thrown inside the shim only.
struct Failure {
    const char *kind;
    std::string reason;
};

// The attributes of the Image Pixel module, checked.
struct PixelFormat {
    uint32_t width = 0;
    uint32_t height = 0;
    uint32_t frames = 0;
    unsigned samples = 0;
    unsigned bitsAllocated = 0;
    unsigned bitsStored = 0;
    bool isSigned = false;
    bool isPlanar = false;
    std::string photometric;

    bool isMonochrome() const { return photometric.rfind("MONOCHROME", 0) == 0; }
    bool isPalette() const { return photometric == "PALETTE COLOR"; }
    size_t bytesPerSample() const { return bitsAllocated / 8; }
    size_t area() const { return size_t(width) * height; }
    // Bytes of one decoded frame.
    size_t frameBytes() const { return area() * samples * bytesPerSample(); }
};

struct cdcmtk_file {
    DcmFileFormat format;
    E_TransferSyntax syntax = EXS_Unknown;
    // Without pixel data: a DICOMDIR, a report.
    bool hasImage = false;
    PixelFormat pixels;
    DcmPixelData *pixelData = nullptr;
    std::string description;
    // The masks of a Segmentation object; set by segmentation().
    const Uint8 *maskBits = nullptr;
    size_t maskArea = 0;
    uint32_t maskFrames = 0;
    // The text that a function returned last.
    std::string answer;
    // First fragment of the next frame, where frames are read in order.
    Uint32 nextFragment = 0;
    Uint32 nextFrame = 0;

    DcmDataset *dataset() { return format.getDataset(); }
};

// The first value of an attribute as text, without padding; empty if it is absent.
std::string text(DcmItem &item, const DcmTagKey &key);
// The first value of an attribute as a number; false if it is absent or not finite.
bool number(DcmItem &item, const DcmTagKey &key, double &value, unsigned long index = 0);

// What cdcmtk_description(), cdcmtk_context(), cdcmtk_identifiers(), cdcmtk_segmentation() and
// cdcmtk_deidentified_header() return.
std::string describe(cdcmtk_file &file);
std::string context(cdcmtk_file &file);
std::string segmentation(cdcmtk_file &file, uint64_t pixelLimit);
std::string identifiers(DcmItem &dataset);
std::string deidentifiedHeader(cdcmtk_file &file, const cdcmtk_identity &identity);

// One mask of a Segmentation object, after segmentation(): 0 and 1.
void mask(const cdcmtk_file &file, uint32_t frame, uint8_t *pixels);

// One frame of JPEG 2000 as samples, interleaved, in the byte order of this machine.
void decodeJPEG2000(const std::vector<uint8_t> &stream, const PixelFormat &pixels,
                    uint8_t *samples);

// Converts decoded samples to grey or RGB of 8 bits.
void convert(cdcmtk_file &file, const std::vector<uint8_t> &samples, const std::string &colorModel,
             bool isPlanar, uint8_t *pixels);

#endif
