#include "internal.h"
#include "json.h"

#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>

#include <cstdio>

namespace {

// Largest numbers of regions and of a DICOMDIR's images that are described.
constexpr unsigned long largestRegions = 256;
constexpr unsigned long largestReferences = 100000;
// Longest text that is repeated in other objects.
constexpr unsigned long largestText = 1024;

std::string region(DcmItem &item) {
    Object object;
    object.addUnsigned("spatial_format", item, DCM_RegionSpatialFormat);
    object.addUnsigned("data_type", item, DCM_RegionDataType);
    object.addUnsigned("min_x", item, DCM_RegionLocationMinX0);
    object.addUnsigned("min_y", item, DCM_RegionLocationMinY0);
    object.addUnsigned("max_x", item, DCM_RegionLocationMaxX1);
    object.addUnsigned("max_y", item, DCM_RegionLocationMaxY1);
    object.addUnsigned("units_x", item, DCM_PhysicalUnitsXDirection);
    object.addUnsigned("units_y", item, DCM_PhysicalUnitsYDirection);
    object.addNumber("delta_x", item, DCM_PhysicalDeltaX);
    object.addNumber("delta_y", item, DCM_PhysicalDeltaY);
    return object.closed();
}

std::string regions(DcmItem &dataset) {
    DcmSequenceOfItems *sequence = nullptr;
    if (dataset.findAndGetSequence(DCM_SequenceOfUltrasoundRegions, sequence).bad() ||
        sequence == nullptr) {
        return {};
    }
    std::string list;
    for (unsigned long i = 0; i < sequence->card() && i < largestRegions; i++) {
        list += (list.empty() ? "" : ",") + region(*sequence->getItem(i));
    }
    return "[" + list + "]";
}

// The files of a DICOMDIR's image records, each a list of folders and a name.
std::string references(DcmItem &dataset) {
    DcmSequenceOfItems *sequence = nullptr;
    if (dataset.findAndGetSequence(DCM_DirectoryRecordSequence, sequence).bad() ||
        sequence == nullptr) {
        return {};
    }
    std::string list;
    unsigned long found = 0;
    DcmObject *next = nullptr;
    while ((next = sequence->nextInContainer(next)) != nullptr && found < largestReferences) {
        auto *item = dynamic_cast<DcmItem *>(next);
        if (item == nullptr || text(*item, DCM_DirectoryRecordType) != "IMAGE") continue;
        std::string parts;
        OFString part;
        for (unsigned long i = 0;
             i < 8 && item->findAndGetOFString(DCM_ReferencedFileID, part, i).good(); i++) {
            parts += (parts.empty() ? "" : ",") + quoted(part.c_str());
        }
        list += (list.empty() ? "[" : ",[") + parts + "]";
        found++;
    }
    return "[" + list + "]";
}

std::string image(cdcmtk_file &file) {
    DcmItem &dataset = *file.dataset();
    const PixelFormat &pixels = file.pixels;
    Object object;
    object.add("width", std::to_string(pixels.width));
    object.add("height", std::to_string(pixels.height));
    object.add("frames", std::to_string(pixels.frames));
    object.add("channels", pixels.isMonochrome() ? "1" : "3");
    object.add("photometric", quoted(pixels.photometric));
    object.add("bits_stored", std::to_string(pixels.bitsStored));
    object.addNumber("frame_time_ms", dataset, DCM_FrameTime);
    double height = 0, width = 0;
    if (number(dataset, DCM_PixelSpacing, height, 0) &&
        number(dataset, DCM_PixelSpacing, width, 1)) {
        object.add("pixel_spacing", "[" + decimal(height) + "," + decimal(width) + "]");
    }
    const std::string list = regions(dataset);
    if (!list.empty()) object.add("regions", list);
    return object.closed();
}

// Whether a JPEG 2000 codestream has the irreversible wavelet (COD marker, transformation 0).
bool isIrreversible(const Uint8 *bytes, size_t count) {
    size_t place = 2;
    while (place + 4 <= count && bytes[place] == 0xFF && bytes[place + 1] != 0x90) {
        const size_t length = size_t(bytes[place + 2]) << 8 | bytes[place + 3];
        if (bytes[place + 1] == 0x52) return place + 13 < count && bytes[place + 13] == 0;
        place += 2 + length;
    }
    return false;
}

// The method by which the pixels lost information, as Lossy Image Compression Method names it; NULL
// where they did not.
const char *lossyMethod(cdcmtk_file &file, DcmPixelSequence &sequence) {
    switch (file.syntax) {
    case EXS_JPEGProcess1:
    case EXS_JPEGProcess2_4: return "ISO_10918_1";
    case EXS_JPEGLSLossy: return "ISO_14495_1";
    case EXS_JPEG2000: {
        DcmPixelItem *item = nullptr;
        Uint8 *bytes = nullptr;
        if (sequence.getItem(item, 1).bad() || item == nullptr ||
            item->getUint8Array(bytes).bad() || bytes == nullptr ||
            !isIrreversible(bytes, item->getLength())) {
            return nullptr;
        }
        return "ISO_15444_1";
    }
    default: return nullptr;
    }
}

// Uncompressed over compressed size of frames that were compressed with loss, and the method; 0 for
// others.
double compressionRatio(cdcmtk_file &file, const char *&method) {
    if (!file.hasImage || !DcmXfer(file.syntax).isEncapsulated()) return 0;
    DcmPixelSequence *sequence = nullptr;
    if (file.pixelData->getEncapsulatedRepresentation(file.syntax, nullptr, sequence).bad() ||
        sequence == nullptr) {
        return 0;
    }
    method = lossyMethod(file, *sequence);
    if (method == nullptr) return 0;
    double stored = 0;
    for (unsigned long i = 1; i < sequence->card(); i++) {
        DcmPixelItem *item = nullptr;
        if (sequence->getItem(item, i).good() && item != nullptr) stored += item->getLength();
    }
    const double frames = double(file.pixels.frameBytes()) * file.pixels.frames;
    return stored > 0 ? frames / stored : 0;
}

} // namespace

std::string identifiers(DcmItem &dataset) {
    Object object;
    object.addText("patient_id", dataset, DCM_PatientID);
    object.addText("patient_name", dataset, DCM_PatientName);
    object.addText("study", dataset, DCM_StudyInstanceUID);
    object.addText("series", dataset, DCM_SeriesInstanceUID);
    object.addText("instance", dataset, DCM_SOPInstanceUID);
    return object.closed();
}

// Patient and study, which objects that are made from an image repeat, and the identity of the image.
std::string context(cdcmtk_file &file) {
    static const DcmTagKey keys[] = {
        DCM_SpecificCharacterSet, DCM_SOPClassUID, DCM_SOPInstanceUID, DCM_StudyDate,
        DCM_StudyTime, DCM_AccessionNumber, DCM_ReferringPhysicianName, DCM_StudyDescription,
        DCM_PatientName, DCM_PatientID, DCM_IssuerOfPatientID, DCM_PatientBirthDate,
        DCM_PatientSex, DCM_PatientAge, DCM_PatientSize, DCM_PatientWeight,
        DCM_ClinicalTrialSponsorName, DCM_ClinicalTrialProtocolID, DCM_ClinicalTrialProtocolName,
        DCM_ClinicalTrialSiteID, DCM_ClinicalTrialSiteName, DCM_ClinicalTrialSubjectID,
        DCM_PatientIdentityRemoved, DCM_DeidentificationMethod, DCM_StudyInstanceUID,
        DCM_SeriesInstanceUID, DCM_StudyID, DCM_SeriesNumber, DCM_InstanceNumber,
        DCM_LossyImageCompression, DCM_LossyImageCompressionRatio,
        DCM_LossyImageCompressionMethod, DCM_LongitudinalTemporalInformationModified,
    };
    DcmItem &dataset = *file.dataset();
    Object object;
    for (const DcmTagKey &key : keys) {
        DcmElement *element = nullptr;
        OFString value;
        if (dataset.findAndGetElement(key, element).bad() || element == nullptr ||
            !element->isLeaf() || element->getLength() > largestText ||
            element->getOFStringArray(value).bad()) {
            continue;
        }
        char tag[9];
        snprintf(tag, sizeof tag, "%04x%04x", key.getGroup(), key.getElement());
        object.add(tag, quoted(std::string(value.c_str(), value.size())));
    }
    const char *method = nullptr;
    const double ratio = compressionRatio(file, method);
    if (ratio > 0) {
        object.add("ratio", decimal(ratio));
        object.add("method", quoted(method));
    }
    return object.closed();
}

std::string describe(cdcmtk_file &file) {
    DcmItem &dataset = *file.dataset();
    Object object;
    object.add("transfer_syntax", quoted(DcmXfer(file.syntax).getXferName()));
    object.addText("sop_class", dataset, DCM_SOPClassUID);
    object.addText("sop_instance", dataset, DCM_SOPInstanceUID);
    object.addText("modality", dataset, DCM_Modality);
    if (file.hasImage) object.add("image", image(file));
    const std::string files = references(dataset);
    if (!files.empty()) object.add("references", files);
    return object.closed();
}
