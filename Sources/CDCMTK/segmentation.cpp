#include "internal.h"
#include "json.h"

namespace {

constexpr unsigned long largestSegments = 65535;

// The first item of a sequence; null where there is none.
DcmItem *firstItem(DcmItem *item, const DcmTagKey &key) {
    DcmSequenceOfItems *sequence = nullptr;
    if (item == nullptr || item->findAndGetSequence(key, sequence).bad() || sequence == nullptr ||
        sequence->card() == 0) {
        return nullptr;
    }
    return sequence->getItem(0);
}

// The first item of a functional group: of the frame, or else the one that all frames share.
DcmItem *group(DcmItem *frame, DcmItem *shared, const DcmTagKey &key) {
    DcmItem *own = firstItem(frame, key);
    return own != nullptr ? own : firstItem(shared, key);
}

unsigned unsignedNumber(DcmItem &item, const DcmTagKey &key) {
    Uint16 value = 0;
    return item.findAndGetUint16(key, value).good() ? value : 0;
}

std::string segments(DcmItem &dataset) {
    DcmSequenceOfItems *sequence = nullptr;
    std::string list;
    if (dataset.findAndGetSequence(DCM_SegmentSequence, sequence).good() && sequence != nullptr) {
        for (unsigned long i = 0; i < sequence->card() && i < largestSegments; i++) {
            DcmItem &item = *sequence->getItem(i);
            Object object;
            object.add("number", std::to_string(unsignedNumber(item, DCM_SegmentNumber)));
            object.addText("label", item, DCM_SegmentLabel);
            list += (list.empty() ? "" : ",") + object.closed();
        }
    }
    return "[" + list + "]";
}

} // namespace

std::string segmentation(cdcmtk_file &file, uint64_t pixelLimit) {
    DcmItem &dataset = *file.dataset();
    if (text(dataset, DCM_SOPClassUID) != UID_SegmentationStorage) {
        throw Failure{"unsupported", "it is not a Segmentation object"};
    }
    if (text(dataset, DCM_SegmentationType) != "BINARY" ||
        unsignedNumber(dataset, DCM_BitsAllocated) != 1) {
        throw Failure{"unsupported", "its segments are not binary"};
    }
    const uint64_t width = unsignedNumber(dataset, DCM_Columns);
    const uint64_t height = unsignedNumber(dataset, DCM_Rows);
    Sint32 frames = 0;
    dataset.findAndGetSint32(DCM_NumberOfFrames, frames);
    if (width == 0 || height == 0 || frames <= 0) {
        throw Failure{"damaged", "it states no size or no frames"};
    }
    if (width * height > pixelLimit) throw Failure{"too_large", "its frames have too many pixels"};
    const Uint8 *bytes = nullptr;
    unsigned long count = 0;
    if (DcmXfer(file.syntax).isEncapsulated()) {
        throw Failure{"unsupported", "its masks are compressed"};
    }
    if (dataset.findAndGetUint8Array(DCM_PixelData, bytes, &count).bad() || bytes == nullptr) {
        throw Failure{"damaged", "its masks cannot be read"};
    }
    const uint64_t needed = (width * height * uint64_t(frames) + 7) / 8;
    if (count < needed) {
        throw Failure{"damaged", "it states " + std::to_string(frames) + " frames, " +
                                     std::to_string(needed) + " bytes, and has " +
                                     std::to_string(count)};
    }
    DcmSequenceOfItems *perFrame = nullptr;
    if (dataset.findAndGetSequence(DCM_PerFrameFunctionalGroupsSequence, perFrame).bad() ||
        perFrame == nullptr || perFrame->card() != static_cast<unsigned long>(frames)) {
        throw Failure{"damaged", "its frames are not described"};
    }
    DcmItem *shared = firstItem(&dataset, DCM_SharedFunctionalGroupsSequence);
    DcmItem *measures = firstItem(shared, DCM_PixelMeasuresSequence);
    std::string list;
    // DCMTK finds an item of a long sequence faster in order.
    DcmObject *next = nullptr;
    while ((next = perFrame->nextInContainer(next)) != nullptr) {
        auto *frame = dynamic_cast<DcmItem *>(next);
        if (frame == nullptr) throw Failure{"damaged", "its frames are not described"};
        Object object;
        DcmItem *identification = group(frame, shared, DCM_SegmentIdentificationSequence);
        if (identification != nullptr) {
            object.add("segment", std::to_string(unsignedNumber(
                                      *identification, DCM_ReferencedSegmentNumber)));
        }
        DcmItem *source =
            firstItem(group(frame, shared, DCM_DerivationImageSequence), DCM_SourceImageSequence);
        if (source != nullptr) {
            object.addText("instance", *source, DCM_ReferencedSOPInstanceUID);
            Sint32 number = 0;
            if (source->findAndGetSint32(DCM_ReferencedFrameNumber, number).good()) {
                object.add("frame", std::to_string(number));
            }
        }
        list += (list.empty() ? "" : ",") + object.closed();
    }
    Object object;
    object.add("width", std::to_string(width));
    object.add("height", std::to_string(height));
    double height_mm = 0, width_mm = 0;
    if (measures != nullptr && number(*measures, DCM_PixelSpacing, height_mm, 0) &&
        number(*measures, DCM_PixelSpacing, width_mm, 1)) {
        object.add("pixel_spacing", "[" + decimal(height_mm) + "," + decimal(width_mm) + "]");
    }
    object.add("segments", segments(dataset));
    object.add("frames", "[" + list + "]");
    file.maskBits = bytes;
    file.maskArea = size_t(width * height);
    file.maskFrames = uint32_t(frames);
    return object.closed();
}

void mask(const cdcmtk_file &file, uint32_t frame, uint8_t *pixels) {
    const uint64_t start = uint64_t(frame) * file.maskArea;
    for (size_t i = 0; i < file.maskArea; i++) {
        const uint64_t bit = start + i;
        pixels[i] = file.maskBits[bit / 8] >> (bit % 8) & 1;
    }
}
