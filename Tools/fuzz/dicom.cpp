// Damages DICOM files at random and reads them with CDCMTK: all frames, the attributes for results, a
// Segmentation object's masks, the de-identified header. Tools/fuzz-dicom compiles it with the address and
// undefined-behaviour sanitizers, and starts it.
//
//   fuzz-dicom COUNT SEED FILE...
//
// Each batch of inputs is a process of its own. A batch that crashes is repeated input by input; each input
// that crashes is written to crash-SEED-NUMBER.dcm in the current folder. Exit code 1 if there is one.
#include "cdcmtk.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using Bytes = std::vector<uint8_t>;

static const uint64_t largest_image = 4000000;
static const unsigned long batch_size = 2000;
static const rlim_t longest_time = 300;

static size_t below(std::mt19937_64 &random, size_t end) { return end ? random() % end : 0; }

// The input of a number: the same for the same seed.
static Bytes damaged(const std::vector<Bytes> &sources, unsigned long seed, unsigned long number) {
    std::mt19937_64 random(seed * 0x9E3779B97F4A7C15u + number);
    Bytes bytes = sources[number % sources.size()];
    static const uint8_t extremes[] = {0, 1, 0x7F, 0x80, 0xFF};
    for (size_t changes = 1 + below(random, 6); changes > 0 && bytes.size() > 140; changes--) {
        // Half of the damage is in the attributes, after the preamble.
        const size_t end = random() & 1 ? bytes.size() : std::min<size_t>(bytes.size(), 1200);
        const size_t place = 132 + below(random, end - 132);
        const size_t rest = bytes.size() - place;
        switch (below(random, 7)) {
        case 0:
            bytes[place] = extremes[below(random, sizeof extremes)];
            break;
        case 1:
            bytes.erase(bytes.begin() + place, bytes.begin() + place + std::min<size_t>(9, rest));
            break;
        case 2: {
            const Bytes piece(bytes.begin() + place, bytes.begin() + place + std::min<size_t>(30, rest));
            bytes.insert(bytes.begin() + place, piece.begin(), piece.end());
            break;
        }
        case 3:
            bytes.resize(bytes.size() - bytes.size() / 8);
            break;
        case 4: {
            // A piece of another file.
            const Bytes &other = sources[below(random, sources.size())];
            const size_t start = below(random, other.size());
            const size_t count = std::min<size_t>(1 + below(random, 60), other.size() - start);
            bytes.insert(bytes.begin() + place, other.begin() + start, other.begin() + start + count);
            break;
        }
        case 5:
            if (rest >= 4) {
                static const uint32_t lengths[] = {0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 65536};
                const uint32_t length = lengths[below(random, std::size(lengths))];
                for (int i = 0; i < 4; i++) bytes[place + i] = static_cast<uint8_t>(length >> 8 * i);
            }
            break;
        default:
            bytes[place] ^= static_cast<uint8_t>(1u << below(random, 8));
        }
    }
    return bytes;
}

static void read(const Bytes &bytes) {
    cdcmtk_error error = {};
    cdcmtk_file *file = cdcmtk_open(bytes.data(), bytes.size(), largest_image, &error);
    if (!file) return;
    (void)cdcmtk_description(file);
    (void)cdcmtk_identifiers(file);
    (void)cdcmtk_context(file);
    const cdcmtk_size size = cdcmtk_image_size(file);
    if (size.frames > 0 && uint64_t(size.width) * size.height <= largest_image) {
        Bytes pixels(size_t(size.width) * size.height * size.channels);
        for (uint32_t frame = 0; frame < std::min<uint32_t>(size.frames, 3); frame++) {
            if (cdcmtk_frame(file, frame, pixels.data(), &error)) break;
        }
    }
    size_t area = 0;
    uint32_t frames = 0;
    if (cdcmtk_segmentation(file, largest_image, &area, &frames, &error) && frames > 0) {
        Bytes mask(area);
        cdcmtk_mask(file, frames - 1, mask.data());
    }
    const cdcmtk_identity identity = {"ANONYMOUS", "2.25.1", "2.25.2", "2.25.3", "method", "derivation"};
    size_t count = 0;
    (void)cdcmtk_deidentified_header(file, &identity, &count, &error);
    cdcmtk_close(file);
}

// Reads the inputs of a range in a process of their own; whether it ended by itself. The sanitizers' report
// on an input is shown for a range of one.
static bool survives(const std::vector<Bytes> &sources, unsigned long seed, unsigned long first,
                     unsigned long end) {
    const pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(71);
    }
    if (child == 0) {
        const rlimit time = {longest_time, longest_time};
        setrlimit(RLIMIT_CPU, &time);
        if (end > first + 1 && !freopen("/dev/null", "w", stderr)) _exit(71);
        for (unsigned long number = first; number < end; number++) read(damaged(sources, seed, number));
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: fuzz-dicom COUNT SEED FILE...\n");
        return 64;
    }
    const unsigned long total = strtoul(arguments[1], nullptr, 10);
    const unsigned long seed = strtoul(arguments[2], nullptr, 10);
    std::vector<Bytes> sources;
    for (int i = 3; i < count; i++) {
        std::ifstream stream(arguments[i], std::ios::binary);
        sources.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
        if (sources.back().size() <= 140) {
            fprintf(stderr, "'%s' cannot be read, or is too short\n", arguments[i]);
            return 66;
        }
    }
    cdcmtk_prepare();
    unsigned long crashes = 0;
    for (unsigned long first = 0; first < total; first += batch_size) {
        const unsigned long end = std::min(total, first + batch_size);
        if (!survives(sources, seed, first, end)) {
            for (unsigned long number = first; number < end; number++) {
                if (survives(sources, seed, number, number + 1)) continue;
                crashes++;
                const Bytes bytes = damaged(sources, seed, number);
                const std::string name =
                    "crash-" + std::to_string(seed) + "-" + std::to_string(number) + ".dcm";
                std::ofstream(name, std::ios::binary)
                    .write(reinterpret_cast<const char *>(bytes.data()), std::streamsize(bytes.size()));
                fprintf(stderr, "input %lu crashes: %s\n", number, name.c_str());
            }
        }
        if (end == total || (end / batch_size) % 10 == 0) {
            fprintf(stderr, "%lu of %lu inputs, %lu crashes\n", end, total, crashes);
        }
    }
    printf("%lu damaged files read or refused, %lu crashes (seed %lu)\n", total - crashes, crashes, seed);
    return crashes ? 1 : 0;
}
