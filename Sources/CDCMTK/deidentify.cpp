#include "internal.h"

#include <dcmtk/dcmdata/dcostrmb.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace {

// The attributes that are kept, all without free text about people. Everything else is left out:
// private attributes, names, dates, comments, overlays, references to other objects.
const DcmTagKey kept[] = {
    DCM_SOPClassUID,
    DCM_Modality,
    DCM_Manufacturer,
    DCM_ManufacturerModelName,
    DCM_BodyPartExamined,
    DCM_PatientOrientation,
    DCM_SeriesNumber,
    DCM_InstanceNumber,
    DCM_CineRate,
    DCM_RecommendedDisplayFrameRate,
    DCM_PreferredPlaybackSequencing,
    DCM_FrameTime,
    DCM_FrameTimeVector,
    DCM_FrameDelay,
    DCM_FrameIncrementPointer,
    DCM_EffectiveDuration,
    DCM_HeartRate,
    DCM_RWaveTimeVector,
    DCM_DepthOfScanField,
    DCM_MechanicalIndex,
    DCM_BoneThermalIndex,
    DCM_CranialThermalIndex,
    DCM_SoftTissueThermalIndex,
    DCM_TransducerType,
    DCM_StageNumber,
    DCM_NumberOfStages,
    DCM_ViewNumber,
    DCM_NumberOfViewsInStage,
    DCM_NumberOfFrames,
    DCM_PixelAspectRatio,
    DCM_PixelSpacing,
    DCM_UltrasoundColorDataPresent,
    DCM_LossyImageCompression,
    DCM_LossyImageCompressionRatio,
    DCM_LossyImageCompressionMethod,
};

const DcmTagKey keptInRegion[] = {
    DCM_RegionSpatialFormat,     DCM_RegionDataType,          DCM_RegionFlags,
    DCM_RegionLocationMinX0,     DCM_RegionLocationMinY0,     DCM_RegionLocationMaxX1,
    DCM_RegionLocationMaxY1,     DCM_ReferencePixelX0,        DCM_ReferencePixelY0,
    DCM_PhysicalUnitsXDirection, DCM_PhysicalUnitsYDirection, DCM_ReferencePixelPhysicalValueX,
    DCM_ReferencePixelPhysicalValueY, DCM_PhysicalDeltaX,     DCM_PhysicalDeltaY,
    DCM_TransducerFrequency,     DCM_PulseRepetitionFrequency, DCM_DopplerCorrectionAngle,
    DCM_SteeringAngle,
};

// Attributes of type 2, which must be there and may be empty.
const DcmTagKey empty[] = {
    DCM_StudyDate,      DCM_StudyTime,  DCM_AccessionNumber, DCM_ReferringPhysicianName,
    DCM_PatientBirthDate, DCM_PatientSex, DCM_StudyID, DCM_Laterality,
};
// The same, kept where the source has them.
const DcmTagKey keptOrEmpty[] = {
    DCM_Manufacturer, DCM_PatientOrientation, DCM_SeriesNumber, DCM_InstanceNumber,
};

void check(const OFCondition &status) {
    if (status.bad()) throw Failure{"damaged", status.text()};
}

// Whether a text holds only what its kind of value may: numbers, or codes of capital letters. A
// device that misuses such an attribute for a name loses it here.
bool hasPlainValue(DcmElement &element) {
    const DcmEVR vr = element.ident();
    if (vr != EVR_DS && vr != EVR_IS && vr != EVR_CS) return true;
    OFString value;
    if (element.getOFStringArray(value).bad()) return false;
    for (const char character : value) {
        const bool isNumber = (character >= '0' && character <= '9') || character == '.' ||
                              character == '-' || character == '+' || character == 'E' ||
                              character == 'e' || character == ' ' || character == '\\';
        const bool isCode = (character >= 'A' && character <= 'Z') || character == '_' ||
                            (character >= '0' && character <= '9') || character == ' ' ||
                            character == '\\';
        if (vr == EVR_CS ? !isCode : !isNumber) return false;
    }
    return true;
}

void copy(DcmItem &source, const DcmTagKey &key, DcmItem &target) {
    DcmElement *element = nullptr;
    if (source.findAndGetElement(key, element).bad() || element == nullptr) return;
    // A sequence in its place could hold anything.
    if (!element->isLeaf() || element->getLength() > 65536 || !hasPlainValue(*element)) return;
    check(target.insert(static_cast<DcmElement *>(element->clone()), true));
}

void copyRegions(DcmItem &source, DcmItem &target) {
    DcmSequenceOfItems *sequence = nullptr;
    if (source.findAndGetSequence(DCM_SequenceOfUltrasoundRegions, sequence).bad() ||
        sequence == nullptr) {
        return;
    }
    for (unsigned long i = 0; i < sequence->card() && i < 256; i++) {
        DcmItem *item = nullptr;
        check(target.findOrCreateSequenceItem(DCM_SequenceOfUltrasoundRegions, item, -2));
        for (const DcmTagKey &key : keptInRegion) copy(*sequence->getItem(i), key, *item);
    }
}

std::string imageType(DcmItem &dataset) {
    std::string type = "DERIVED\\PRIMARY";
    DcmElement *element = nullptr;
    if (dataset.findAndGetElement(DCM_ImageType, element).bad() || element == nullptr ||
        element->ident() != EVR_CS || !hasPlainValue(*element)) {
        return type;
    }
    OFString value;
    for (unsigned long i = 2; i < 8 && element->getOFString(value, i).good(); i++) {
        type += "\\" + std::string(value.c_str());
    }
    return type;
}

void put(DcmItem &item, const DcmTagKey &key, const std::string &value) {
    check(item.putAndInsertString(key, value.c_str()));
}

} // namespace

std::string deidentifiedHeader(cdcmtk_file &file, const cdcmtk_identity &identity) {
    const PixelFormat &pixels = file.pixels;
    DcmItem &source = *file.dataset();
    DcmFileFormat format;
    DcmDataset &target = *format.getDataset();
    for (const DcmTagKey &key : kept) copy(source, key, target);
    for (const DcmTagKey &key : empty) check(target.insertEmptyElement(key));
    for (const DcmTagKey &key : keptOrEmpty) {
        if (!target.tagExists(key)) check(target.insertEmptyElement(key));
    }
    copyRegions(source, target);
    put(target, DCM_SpecificCharacterSet, "ISO_IR 192");
    put(target, DCM_ImageType, imageType(source));
    put(target, DCM_PatientName, identity.patient);
    put(target, DCM_PatientID, identity.patient);
    put(target, DCM_StudyInstanceUID, identity.study);
    put(target, DCM_SeriesInstanceUID, identity.series);
    put(target, DCM_SOPInstanceUID, identity.instance);
    put(target, DCM_PatientIdentityRemoved, "YES");
    put(target, DCM_DeidentificationMethod, identity.method);
    put(target, DCM_LongitudinalTemporalInformationModified, "REMOVED");
    put(target, DCM_DerivationDescription, identity.derivation);
    DcmItem *code = nullptr;
    check(target.findOrCreateSequenceItem(DCM_DeidentificationMethodCodeSequence, code, -2));
    put(*code, DCM_CodeValue, "113100");
    put(*code, DCM_CodingSchemeDesignator, "DCM");
    put(*code, DCM_CodeMeaning, "Basic Application Confidentiality Profile");

    // The pixels are written as they are decoded.
    const bool isGrey = pixels.isMonochrome();
    check(target.putAndInsertUint16(DCM_SamplesPerPixel, isGrey ? 1 : 3));
    put(target, DCM_PhotometricInterpretation, isGrey ? "MONOCHROME2" : "RGB");
    if (!isGrey) check(target.putAndInsertUint16(DCM_PlanarConfiguration, 0));
    check(target.putAndInsertUint16(DCM_Rows, Uint16(pixels.height)));
    check(target.putAndInsertUint16(DCM_Columns, Uint16(pixels.width)));
    check(target.putAndInsertUint16(DCM_BitsAllocated, 8));
    check(target.putAndInsertUint16(DCM_BitsStored, 8));
    check(target.putAndInsertUint16(DCM_HighBit, 7));
    check(target.putAndInsertUint16(DCM_PixelRepresentation, 0));

    std::vector<uint8_t> buffer(4 << 20);
    DcmOutputBufferStream stream(buffer.data(), offile_off_t(buffer.size()));
    check(format.validateMetaInfo(EXS_LittleEndianExplicit));
    format.transferInit();
    check(format.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr,
                       EGL_recalcGL, EPD_noChange, 0, 0, 0, EWM_fileformat));
    format.transferEnd();
    void *start = nullptr;
    offile_off_t length = 0;
    stream.flushBuffer(start, length);
    std::string header(static_cast<const char *>(start), size_t(length));

    // The pixel data element: all frames follow, padded to an even length.
    const uint64_t bytes =
        uint64_t(pixels.area()) * (isGrey ? 1 : 3) * pixels.frames;
    if (bytes > 0xFFFFFFF0u) {
        throw Failure{"too_large", "its uncompressed frames need more than 4 GB"};
    }
    const uint32_t even = uint32_t(bytes + (bytes & 1));
    const char element[12] = {
        char(0xE0), 0x7F, 0x10, 0, 'O', 'B', 0, 0, char(even & 255), char(even >> 8 & 255),
        char(even >> 16 & 255), char(even >> 24 & 255)};
    return header.append(element, sizeof element);
}
