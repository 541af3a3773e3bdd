#include "internal.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace {

uint8_t rounded(double value) {
    return uint8_t(std::min(255.0, std::max(0.0, std::floor(value + 0.5))));
}

// PS3.3 C.7.6.3.1.2.
void writeRGB(double y, double cb, double cr, uint8_t *pixel) {
    cb -= 128;
    cr -= 128;
    pixel[0] = rounded(y + 1.402 * cr);
    pixel[1] = rounded(y - 0.114 * 1.772 / 0.587 * cb - 0.299 * 1.402 / 0.587 * cr);
    pixel[2] = rounded(y + 1.772 * cb);
}

// The value of a one-sample pixel: the stored bits alone, sign-extended.
class Values {
  public:
    Values(const PixelFormat &pixels, const std::vector<uint8_t> &samples)
        : pixels(pixels), samples(samples) {}

    int operator[](size_t index) const {
        unsigned value = samples[index * pixels.bytesPerSample()];
        if (pixels.bitsAllocated == 16) {
            uint16_t wide = 0;
            memcpy(&wide, samples.data() + 2 * index, 2);
            value = wide;
        }
        const unsigned bits = pixels.bitsStored;
        value &= (1u << bits) - 1;
        const bool isNegative = pixels.isSigned && (value >> (bits - 1)) != 0;
        return isNegative ? int(value) - int(1u << bits) : int(value);
    }

  private:
    const PixelFormat &pixels;
    const std::vector<uint8_t> &samples;
};

// One colour of a palette, cut to 8 bits; PS3.3 C.7.6.3.1.5.
class Palette {
  public:
    Palette(DcmItem &dataset, const DcmTagKey &descriptor, const DcmTagKey &data,
            const DcmTagKey &segmented, bool isSigned) {
        Uint16 count = 0, bits = 0;
        if (dataset.findAndGetUint16(descriptor, count, 0).bad() ||
            dataset.findAndGetUint16(descriptor, bits, 2).bad()) {
            throw Failure{"damaged", "it has no colour table"};
        }
        // The second number is signed where the pixels are; DCMTK then stores it as SS.
        Sint16 negative = 0;
        Uint16 positive = 0;
        if (dataset.findAndGetUint16(descriptor, positive, 1).good()) {
            first = isSigned ? int(int16_t(positive)) : int(positive);
        } else if (dataset.findAndGetSint16(descriptor, negative, 1).good()) {
            first = negative;
        }
        const size_t entries = count == 0 ? 65536 : count;
        const std::vector<uint16_t> plain = words(dataset, data);
        const std::vector<uint16_t> values =
            plain.empty() ? expanded(words(dataset, segmented), entries)
            // Two entries in a word, the first one in the low byte.
            : bits <= 8 && plain.size() < entries ? split(plain)
                                                  : plain;
        if (values.size() < entries) {
            throw Failure{"damaged", "its colour table has " + std::to_string(values.size()) +
                                         " of " + std::to_string(entries) + " entries"};
        }
        // Some devices state 16 bits and store 8.
        const bool isWide = bits > 8 && *std::max_element(values.begin(),
                                                          values.begin() + long(entries)) > 255;
        for (size_t i = 0; i < entries; i++) {
            table.push_back(uint8_t(isWide ? values[i] >> 8 : values[i]));
        }
    }

    uint8_t operator[](int value) const {
        const int last = int(table.size()) - 1;
        return table[size_t(std::min(last, std::max(0, value - first)))];
    }

  private:
    static std::vector<uint16_t> words(DcmItem &dataset, const DcmTagKey &key) {
        const Uint16 *start = nullptr;
        unsigned long count = 0;
        if (dataset.findAndGetUint16Array(key, start, &count).bad() || start == nullptr) return {};
        return {start, start + count};
    }

    static std::vector<uint16_t> split(const std::vector<uint16_t> &words) {
        std::vector<uint16_t> bytes;
        for (const uint16_t word : words) {
            bytes.push_back(word & 255);
            bytes.push_back(word >> 8);
        }
        return bytes;
    }

    // Discrete, linear and indirect segments; PS3.3 C.7.9.2. At most `entries` values are made.
    static std::vector<uint16_t> expanded(const std::vector<uint16_t> &words, size_t entries) {
        std::vector<uint16_t> values;
        for (size_t place = 0; place < words.size() && values.size() < entries;) {
            place = addSegment(words, place, entries, values, true);
        }
        return values;
    }

    // Returns the place after the segment.
    static size_t addSegment(const std::vector<uint16_t> &words, size_t place, size_t entries,
                             std::vector<uint16_t> &values, bool mayRepeat) {
        const auto word = [&](size_t index) {
            if (index >= words.size()) {
                throw Failure{"damaged", "its segmented colour table ends too early"};
            }
            return words[index];
        };
        const unsigned count = word(place + 1);
        switch (word(place)) {
        case 0:
            for (unsigned i = 0; i < count && values.size() < entries; i++) {
                values.push_back(word(place + 2 + i));
            }
            return place + 2 + count;
        case 1: {
            if (values.empty()) {
                throw Failure{"damaged", "its segmented colour table has no first value"};
            }
            const double start = values.back(), end = word(place + 2);
            for (unsigned i = 1; i <= count && values.size() < entries; i++) {
                values.push_back(uint16_t(std::nearbyint(start + (end - start) * i / count)));
            }
            return place + 3;
        }
        case 2: {
            size_t repeated = (word(place + 2) | size_t(word(place + 3)) << 16) / 2;
            for (unsigned i = 0; mayRepeat && i < count && values.size() < entries; i++) {
                repeated = addSegment(words, repeated, entries, values, false);
            }
            return place + 4;
        }
        default: throw Failure{"damaged", "its segmented colour table has an unknown segment"};
        }
    }

    int first = 0;
    std::vector<uint8_t> table;
};

// From stored values to grey levels: rescaling, then the window; PS3.3 C.11.1 and C.11.2.1.2.
class GreyScale {
  public:
    GreyScale(DcmItem &dataset, const PixelFormat &pixels, const Values &values) {
        if (!number(dataset, DCM_RescaleSlope, slope) || slope == 0) slope = 1;
        if (!number(dataset, DCM_RescaleIntercept, intercept)) intercept = 0;
        inverted = pixels.photometric == "MONOCHROME1";
        // Grey levels of 8 bits are stored as they are shown.
        if (pixels.bitsStored == 8 && !pixels.isSigned) {
            slope = 1;
            intercept = 0;
            low = 0;
            range = 255;
            return;
        }
        const std::string function = text(dataset, DCM_VOILUTFunction);
        isSigmoid = function == "SIGMOID";
        double width = 0;
        if (number(dataset, DCM_WindowCenter, center) &&
            number(dataset, DCM_WindowWidth, width) && width >= 1) {
            range = width;
            if (function != "LINEAR_EXACT" && !isSigmoid) {
                range = std::max(width - 1, 1e-6);
                center -= 0.5;
            }
            low = center - range / 2;
            return;
        }
        // Without a window: from the darkest to the brightest pixel of the frame.
        isSigmoid = false;
        double smallest = INFINITY, largest = -INFINITY;
        for (size_t i = 0; i < pixels.area(); i++) {
            const double value = slope * values[i] + intercept;
            smallest = std::min(smallest, value);
            largest = std::max(largest, value);
        }
        low = smallest;
        range = std::max(largest - smallest, 1e-6);
    }

    uint8_t operator()(int stored) const {
        const double value = slope * stored + intercept;
        const double level = isSigmoid ? 255 / (1 + std::exp(-4 * (value - center) / range))
                                       : 255 * (value - low) / range;
        const uint8_t grey = rounded(level);
        return inverted ? uint8_t(255 - grey) : grey;
    }

  private:
    double slope = 1, intercept = 0, low = 0, range = 255, center = 0;
    bool isSigmoid = false, inverted = false;
};

} // namespace

void convert(cdcmtk_file &file, const std::vector<uint8_t> &samples, const std::string &colorModel,
             bool isPlanar, uint8_t *output) {
    const PixelFormat &pixels = file.pixels;
    const size_t area = pixels.area();
    DcmItem &dataset = *file.dataset();
    if (pixels.isMonochrome()) {
        const Values values(pixels, samples);
        const GreyScale scale(dataset, pixels, values);
        for (size_t i = 0; i < area; i++) output[i] = scale(values[i]);
    } else if (pixels.isPalette()) {
        const Values values(pixels, samples);
        const Palette red(dataset, DCM_RedPaletteColorLookupTableDescriptor,
                          DCM_RedPaletteColorLookupTableData,
                          DCM_SegmentedRedPaletteColorLookupTableData, pixels.isSigned);
        const Palette green(dataset, DCM_GreenPaletteColorLookupTableDescriptor,
                            DCM_GreenPaletteColorLookupTableData,
                          DCM_SegmentedGreenPaletteColorLookupTableData, pixels.isSigned);
        const Palette blue(dataset, DCM_BluePaletteColorLookupTableDescriptor,
                           DCM_BluePaletteColorLookupTableData,
                          DCM_SegmentedBluePaletteColorLookupTableData, pixels.isSigned);
        for (size_t i = 0; i < area; i++) {
            const int value = values[i];
            output[3 * i] = red[value];
            output[3 * i + 1] = green[value];
            output[3 * i + 2] = blue[value];
        }
    } else if (samples.size() == 2 * area) {
        // Y0 Y1 Cb Cr: two pixels share their colour.
        for (size_t i = 0; i < area; i++) {
            const uint8_t *pair = samples.data() + i / 2 * 4;
            writeRGB(pair[i % 2], pair[2], pair[3], output + 3 * i);
        }
    } else {
        const bool isYBR = colorModel.rfind("YBR_FULL", 0) == 0;
        for (size_t i = 0; i < area; i++) {
            uint8_t pixel[3];
            for (size_t c = 0; c < 3; c++) {
                pixel[c] = samples[isPlanar ? c * area + i : 3 * i + c];
            }
            if (isYBR) {
                writeRGB(pixel[0], pixel[1], pixel[2], output + 3 * i);
            } else {
                memcpy(output + 3 * i, pixel, 3);
            }
        }
    }
}
