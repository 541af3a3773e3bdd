#include "internal.h"

#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <cmath>
#include <cstring>
#include <exception>
#include <memory>
#include <new>

namespace {

void report(cdcmtk_error *error, const char *kind, const std::string &reason) {
    error->kind = kind;
    strncpy(error->reason, reason.c_str(), CDCMTK_REASON_SIZE - 1);
    error->reason[CDCMTK_REASON_SIZE - 1] = 0;
}

// Runs `body`; every exception becomes an error.
template <typename Body> bool guarded(cdcmtk_error *error, Body body) {
    try {
        body();
        return true;
    } catch (const Failure &failure) {
        report(error, failure.kind, failure.reason);
    } catch (const std::bad_alloc &) {
        report(error, "too_large", "it needs more memory than the decoder may use");
    } catch (const std::exception &exception) {
        report(error, "damaged", exception.what());
    } catch (...) {
        report(error, "damaged", "the decoder failed");
    }
    return false;
}

unsigned unsignedNumber(DcmItem &item, const DcmTagKey &key) {
    Uint16 value = 0;
    return item.findAndGetUint16(key, value).good() ? value : 0;
}

PixelFormat readPixelFormat(DcmItem &dataset, uint64_t pixelLimit) {
    PixelFormat pixels;
    pixels.width = unsignedNumber(dataset, DCM_Columns);
    pixels.height = unsignedNumber(dataset, DCM_Rows);
    pixels.samples = unsignedNumber(dataset, DCM_SamplesPerPixel);
    pixels.bitsAllocated = unsignedNumber(dataset, DCM_BitsAllocated);
    pixels.bitsStored = unsignedNumber(dataset, DCM_BitsStored);
    pixels.isSigned = unsignedNumber(dataset, DCM_PixelRepresentation) == 1;
    pixels.isPlanar = unsignedNumber(dataset, DCM_PlanarConfiguration) == 1;
    pixels.photometric = text(dataset, DCM_PhotometricInterpretation);
    Sint32 frames = 0;
    // An absent number of frames is one frame.
    if (dataset.findAndGetSint32(DCM_NumberOfFrames, frames).bad() || frames == 0) frames = 1;
    if (frames < 0) {
        throw Failure{"damaged", "it states " + std::to_string(frames) + " frames"};
    }
    pixels.frames = uint32_t(frames);
    const std::string size =
        std::to_string(pixels.width) + "x" + std::to_string(pixels.height) + " pixels";
    if (pixels.width == 0 || pixels.height == 0) {
        throw Failure{"damaged", "it states a size of " + size};
    }
    if (pixels.area() > pixelLimit) {
        throw Failure{"too_large", "it states a size of " + size + "; at most " +
                                       std::to_string(pixelLimit) + " pixels are read"};
    }
    if (pixels.bitsStored == 0) pixels.bitsStored = pixels.bitsAllocated;
    const bool isGrey = pixels.samples == 1 && (pixels.isMonochrome() || pixels.isPalette());
    const bool isColour = pixels.samples == 3 && pixels.bitsAllocated == 8 &&
                          (pixels.photometric == "RGB" || pixels.photometric == "YBR_FULL" ||
                           pixels.photometric == "YBR_FULL_422" ||
                           pixels.photometric == "YBR_RCT" || pixels.photometric == "YBR_ICT");
    if ((pixels.bitsAllocated != 8 && pixels.bitsAllocated != 16) ||
        pixels.bitsStored > pixels.bitsAllocated || (!isGrey && !isColour)) {
        throw Failure{"unsupported", "its pixels are " + pixels.photometric + " with " +
                                         std::to_string(pixels.samples) + " samples of " +
                                         std::to_string(pixels.bitsStored) + " in " +
                                         std::to_string(pixels.bitsAllocated) + " bits"};
    }
    return pixels;
}

bool isJPEG2000(E_TransferSyntax syntax) {
    return syntax == EXS_JPEG2000 || syntax == EXS_JPEG2000LosslessOnly;
}

bool isNative(E_TransferSyntax syntax) { return !DcmXfer(syntax).isEncapsulated(); }

// Two pixels of native YBR_FULL_422 are Y0 Y1 Cb Cr; compressed ones are decoded to three samples.
bool isPackedYBR(const cdcmtk_file &file) {
    return isNative(file.syntax) && file.pixels.photometric == "YBR_FULL_422";
}

size_t storedFrameBytes(const cdcmtk_file &file) {
    return isPackedYBR(file) ? 2 * file.pixels.area() : file.pixels.frameBytes();
}

void checkTransferSyntax(E_TransferSyntax syntax) {
    switch (syntax) {
    case EXS_LittleEndianImplicit:
    case EXS_LittleEndianExplicit:
    case EXS_BigEndianExplicit:
    case EXS_DeflatedLittleEndianExplicit:
    case EXS_RLELossless:
    case EXS_JPEGProcess1:
    case EXS_JPEGProcess2_4:
    case EXS_JPEGProcess14:
    case EXS_JPEGProcess14SV1:
    case EXS_JPEGLSLossless:
    case EXS_JPEGLSLossy:
    case EXS_JPEG2000LosslessOnly:
    case EXS_JPEG2000: return;
    default:
        throw Failure{"unsupported", std::string("its transfer syntax is ") +
                                         DcmXfer(syntax).getXferName()};
    }
}

void parse(cdcmtk_file &file, const uint8_t *bytes, size_t count) {
    DcmInputBufferStream stream;
    stream.setBuffer(bytes, offile_off_t(count));
    stream.setEos();
    file.format.transferInit();
    const OFCondition status = file.format.read(stream);
    file.format.transferEnd();
    if (status.bad()) {
        // DCMTK waits for more bytes where the file ends too early.
        const bool isShort = status == EC_StreamNotifyClient || status == EC_InvalidStream;
        throw Failure{"damaged", isShort ? "it ends too early" : status.text()};
    }
    if (file.dataset()->card() == 0) throw Failure{"not_dicom", "it has no attributes"};
    file.syntax = file.dataset()->getOriginalXfer();
}

void readImage(cdcmtk_file &file, uint64_t pixelLimit) {
    DcmDataset &dataset = *file.dataset();
    DcmElement *element = nullptr;
    if (dataset.findAndGetElement(DCM_PixelData, element).bad() || element == nullptr ||
        element->getTag().getBaseTag() != DCM_PixelData) {
        return;
    }
    // Its pixels are masks, not an image.
    if (text(dataset, DCM_SOPClassUID) == UID_SegmentationStorage) return;
    file.pixelData = dynamic_cast<DcmPixelData *>(element);
    if (file.pixelData == nullptr) throw Failure{"damaged", "its pixel data has a wrong VR"};
    file.hasImage = true;
    checkTransferSyntax(file.syntax);
    file.pixels = readPixelFormat(dataset, pixelLimit);
    if (isPackedYBR(file) && file.pixels.width % 2 != 0) {
        throw Failure{"damaged", "it states YBR_FULL_422 with an odd number of columns"};
    }
    if (isNative(file.syntax)) {
        const uint64_t needed = uint64_t(storedFrameBytes(file)) * file.pixels.frames;
        const uint64_t found = file.pixelData->getLength(file.syntax);
        if (found < needed) {
            throw Failure{"damaged", "it states " + std::to_string(file.pixels.frames) +
                                         " frames, " + std::to_string(needed) +
                                         " bytes, and has " + std::to_string(found)};
        }
    } else {
        DcmPixelSequence *sequence = nullptr;
        if (file.pixelData->getEncapsulatedRepresentation(file.syntax, nullptr, sequence).bad() ||
            sequence == nullptr) {
            throw Failure{"damaged", "its compressed pixel data are missing"};
        }
        // Every frame has a fragment of its own, after the offset table.
        if (sequence->card() <= file.pixels.frames) {
            throw Failure{"damaged", "it states " + std::to_string(file.pixels.frames) +
                                         " frames and has fewer"};
        }
    }
}

std::vector<uint8_t> bytes(DcmPixelItem &item) {
    Uint8 *start = nullptr;
    if (item.getUint8Array(start).bad() || start == nullptr) return {};
    return {start, start + item.getLength()};
}

// The bytes of one compressed frame: one fragment, or those from its offset to the next one's.
std::vector<uint8_t> compressedFrame(cdcmtk_file &file, uint32_t frame) {
    DcmPixelSequence *sequence = nullptr;
    file.pixelData->getEncapsulatedRepresentation(file.syntax, nullptr, sequence);
    const unsigned long fragments = sequence->card() - 1;
    auto fragment = [&](unsigned long index) {
        DcmPixelItem *item = nullptr;
        if (sequence->getItem(item, index).bad() || item == nullptr) {
            throw Failure{"damaged", "a fragment is missing"};
        }
        return bytes(*item);
    };
    if (fragments == file.pixels.frames) return fragment(frame + 1);
    uint64_t start = 0, end = UINT64_MAX;
    if (file.pixels.frames > 1) {
        const std::vector<uint8_t> table = fragment(0);
        if (table.size() < size_t(file.pixels.frames) * 4) {
            throw Failure{"unsupported", "its frames have several fragments and no offset table"};
        }
        auto offset = [&](size_t index) {
            const uint8_t *p = table.data() + 4 * index;
            return uint64_t(p[0]) | uint64_t(p[1]) << 8 | uint64_t(p[2]) << 16 |
                   uint64_t(p[3]) << 24;
        };
        start = offset(frame);
        if (frame + 1 < file.pixels.frames) end = offset(frame + 1);
    }
    std::vector<uint8_t> stream;
    uint64_t position = 0;
    for (unsigned long index = 1; index <= fragments; index++) {
        const std::vector<uint8_t> part = fragment(index);
        if (position >= start && position < end) {
            stream.insert(stream.end(), part.begin(), part.end());
        }
        position += part.size() + 8;
    }
    return stream;
}

// Checks the frame header and the end of a JPEG or JPEG-LS stream. DCMTK decodes a smaller or cut
// image into a larger frame, and leaves the rest black.
void checkJPEG(const std::vector<uint8_t> &stream, const PixelFormat &pixels) {
    const auto word = [&](size_t place) { return size_t(stream[place]) << 8 | stream[place + 1]; };
    size_t end = stream.size();
    while (end > 2 && stream[end - 1] == 0) end--;
    if (end < 4 || word(0) != 0xFFD8 || word(end - 2) != 0xFFD9) {
        throw Failure{"damaged", "a JPEG frame has no beginning or no end"};
    }
    for (size_t place = 2; place + 10 <= end && stream[place] == 0xFF;) {
        const unsigned marker = stream[place + 1];
        if (marker == 0xFF) {
            place++;
            continue;
        }
        const bool isFrame = (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 &&
                              marker != 0xC8 && marker != 0xCC) ||
                             marker == 0xF7;
        if (!isFrame) {
            place += 2 + word(place + 2);
            continue;
        }
        if (word(place + 5) != pixels.height || word(place + 7) != pixels.width ||
            stream[place + 9] != pixels.samples) {
            throw Failure{"damaged", "a JPEG frame has " + std::to_string(word(place + 7)) + "x" +
                                         std::to_string(word(place + 5)) +
                                         " pixels, and the file states another size"};
        }
        return;
    }
    throw Failure{"damaged", "a JPEG frame has no header"};
}

// Checks the header of an RLE frame (PS3.5 G.5): DCMTK reads from its offsets without a check of its own.
void checkRLE(cdcmtk_file &file, uint32_t frame) {
    DcmPixelSequence *sequence = nullptr;
    file.pixelData->getEncapsulatedRepresentation(file.syntax, nullptr, sequence);
    if (sequence->card() - 1 != file.pixels.frames) {
        throw Failure{"unsupported", "its RLE frames do not have one fragment each"};
    }
    const std::vector<uint8_t> stream = compressedFrame(file, frame);
    const auto word = [&](size_t place) {
        const uint8_t *p = stream.data() + place;
        return uint64_t(p[0]) | uint64_t(p[1]) << 8 | uint64_t(p[2]) << 16 | uint64_t(p[3]) << 24;
    };
    const size_t headerSize = 64;
    const size_t segments = file.pixels.samples * file.pixels.bytesPerSample();
    if (stream.size() < headerSize || word(0) != segments || segments > 15) {
        throw Failure{"damaged", "an RLE frame has no header for " + std::to_string(segments) + " segments"};
    }
    uint64_t before = headerSize - 1;
    for (size_t index = 1; index <= segments; index++) {
        const uint64_t offset = word(4 * index);
        if (offset <= before || offset >= stream.size()) {
            throw Failure{"damaged", "a segment of an RLE frame begins at byte " + std::to_string(offset) +
                                         " of " + std::to_string(stream.size())};
        }
        before = offset;
    }
}

void decode(cdcmtk_file &file, uint32_t frame, uint8_t *pixels) {
    const size_t size = storedFrameBytes(file);
    // DCMTK needs an even size.
    std::vector<uint8_t> samples(size + (size & 1));
    std::string colorModel = file.pixels.photometric;
    bool isPlanar = file.pixels.isPlanar;
    if (isJPEG2000(file.syntax)) {
        decodeJPEG2000(compressedFrame(file, frame), file.pixels, samples.data());
        isPlanar = false;
        if (colorModel == "YBR_RCT" || colorModel == "YBR_ICT") colorModel = "RGB";
    } else if (isNative(file.syntax)) {
        const OFCondition status =
            file.pixelData->getPartialValue(samples.data(), Uint32(frame * size), Uint32(size),
                                            nullptr, gLocalByteOrder);
        if (status.bad()) throw Failure{"damaged", status.text()};
    } else {
        if (file.syntax == EXS_RLELossless) {
            checkRLE(file, frame);
        } else {
            checkJPEG(compressedFrame(file, frame), file.pixels);
        }
        if (frame != file.nextFrame) file.nextFragment = 0;
        OFString model;
        const OFCondition status = file.pixelData->getUncompressedFrame(
            file.dataset(), frame, file.nextFragment, samples.data(), Uint32(samples.size()),
            model);
        if (status.bad()) throw Failure{"damaged", status.text()};
        file.nextFrame = frame + 1;
        colorModel = model.c_str();
        if (file.syntax != EXS_RLELossless) isPlanar = false;
    }
    samples.resize(size);
    convert(file, samples, colorModel, isPlanar, pixels);
}

} // namespace

std::string text(DcmItem &item, const DcmTagKey &key) {
    OFString value;
    if (item.findAndGetOFString(key, value).bad()) return {};
    std::string found(value.c_str());
    if (found.size() > 1024) found.resize(1024);
    const size_t first = found.find_first_not_of(' ');
    if (first == std::string::npos) return {};
    return found.substr(first, found.find_last_not_of(' ') - first + 1);
}

bool number(DcmItem &item, const DcmTagKey &key, double &value, unsigned long index) {
    Float64 found = 0;
    if (item.findAndGetFloat64(key, found, index).bad() || !std::isfinite(found)) return false;
    value = found;
    return true;
}

void cdcmtk_prepare(void) {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DJDecoderRegistration::registerCodecs(EDC_photometricInterpretation, EUC_never,
                                          EPC_colorByPixel);
    DJLSDecoderRegistration::registerCodecs(EJLSUC_never, EJLSPC_colorByPixel);
    DcmRLEDecoderRegistration::registerCodecs();
    (void)dcmDataDict.isDictionaryLoaded();
}

cdcmtk_file *cdcmtk_open(const uint8_t *bytes, size_t count, uint64_t pixel_limit,
                         cdcmtk_error *error) {
    std::unique_ptr<cdcmtk_file> file;
    const bool succeeded = guarded(error, [&] {
        file.reset(new cdcmtk_file);
        parse(*file, bytes, count);
        readImage(*file, pixel_limit);
        file->description = describe(*file);
    });
    return succeeded ? file.release() : nullptr;
}

cdcmtk_size cdcmtk_image_size(const cdcmtk_file *file) {
    if (!file->hasImage) return {0, 0, 0, 0};
    const PixelFormat &pixels = file->pixels;
    return {pixels.width, pixels.height, pixels.frames, pixels.isMonochrome() ? 1u : 3u};
}

const char *cdcmtk_description(const cdcmtk_file *file) { return file->description.c_str(); }

int cdcmtk_frame(cdcmtk_file *file, uint32_t frame, uint8_t *pixels, cdcmtk_error *error) {
    const bool succeeded = guarded(error, [&] {
        if (!file->hasImage || frame >= file->pixels.frames) {
            throw Failure{"no_image", "it has no frame " + std::to_string(frame + 1)};
        }
        decode(*file, frame, pixels);
    });
    return succeeded ? 0 : -1;
}

const char *cdcmtk_identifiers(cdcmtk_file *file) {
    cdcmtk_error ignored;
    guarded(&ignored, [&] { file->answer = identifiers(*file->dataset()); });
    return file->answer.c_str();
}

const char *cdcmtk_context(cdcmtk_file *file) {
    cdcmtk_error ignored;
    guarded(&ignored, [&] { file->answer = context(*file); });
    return file->answer.c_str();
}

const char *cdcmtk_segmentation(cdcmtk_file *file, uint64_t pixel_limit, size_t *area,
                                uint32_t *frames, cdcmtk_error *error) {
    const bool succeeded = guarded(error, [&] {
        file->answer = segmentation(*file, pixel_limit);
        *area = file->maskArea;
        *frames = file->maskFrames;
    });
    return succeeded ? file->answer.c_str() : nullptr;
}

void cdcmtk_mask(const cdcmtk_file *file, uint32_t frame, uint8_t *pixels) {
    mask(*file, frame, pixels);
}

const char *cdcmtk_deidentified_header(cdcmtk_file *file, const cdcmtk_identity *identity,
                                       size_t *count, cdcmtk_error *error) {
    const bool succeeded = guarded(error, [&] {
        if (!file->hasImage) throw Failure{"no_image", "it has no image"};
        if (file->pixels.isMonochrome() && file->pixels.bitsStored != 8) {
            throw Failure{"unsupported", "grey levels of " +
                                             std::to_string(file->pixels.bitsStored) +
                                             " bits cannot be de-identified without losing some"};
        }
        file->answer = deidentifiedHeader(*file, *identity);
        *count = file->answer.size();
    });
    return succeeded ? file->answer.data() : nullptr;
}

void cdcmtk_close(cdcmtk_file *file) { delete file; }
