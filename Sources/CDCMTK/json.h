// Writes JSON.
#ifndef CDCMTK_JSON_H
#define CDCMTK_JSON_H

#include "internal.h"

#include <cstdio>

// A string of JSON; bytes outside ASCII are taken as Latin-1.
inline std::string quoted(const std::string &value) {
    std::string result = "\"";
    for (const char character : value) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\') {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", byte);
            result += escape;
        } else {
            result += character;
        }
    }
    return result + "\"";
}

inline std::string decimal(double value) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.17g", value);
    return digits;
}

// An object of JSON; absent values are left out.
class Object {
  public:
    void add(const char *key, const std::string &value) {
        content += (content.empty() ? "" : ",") + quoted(key) + ":" + value;
    }
    void addText(const char *key, DcmItem &item, const DcmTagKey &tag) {
        const std::string value = text(item, tag);
        if (!value.empty()) add(key, quoted(value));
    }
    void addNumber(const char *key, DcmItem &item, const DcmTagKey &tag) {
        double value = 0;
        if (number(item, tag, value)) add(key, decimal(value));
    }
    void addUnsigned(const char *key, DcmItem &item, const DcmTagKey &tag) {
        Uint16 small = 0;
        Uint32 large = 0;
        if (item.findAndGetUint16(tag, small).good()) {
            add(key, std::to_string(small));
        } else if (item.findAndGetUint32(tag, large).good()) {
            add(key, std::to_string(large));
        }
    }
    std::string closed() const { return "{" + content + "}"; }

  private:
    std::string content;
};

#endif
