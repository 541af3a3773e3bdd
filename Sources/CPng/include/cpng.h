// PNG in and out of memory through libpng's classic interface.
//
// libpng leaves a failed call by longjmp, which must not cross Swift frames: every jump starts and
// ends inside cpng.c. Its simplified interface needs no jump, but converts gamma, composites alpha
// and rescales 16 bits to 8, where OpenCV and Pillow take the stored numbers as they are.
#ifndef CPNG_H
#define CPNG_H

#include <stddef.h>
#include <stdint.h>

enum { CPNG_MESSAGE_SIZE = 160 };

// Decodes into `pixels`: rows of `width * channels` samples, without alpha.
// `channels` is 1 for grey files, 3 for RGB files, and for palette files 3 (colours) or 1 (indices).
// `sample_bytes` is 1 (16 bits are cut to their high byte) or 2 (big endian; only for files of
// 16 bits).
// Returns 0, or -1 with libpng's words in `message`.
int cpng_decode(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height, int channels,
                int sample_bytes, uint8_t *pixels, char message[CPNG_MESSAGE_SIZE]);

// Encodes 8-bit grey (`channels` 1) or RGB (3). `comment` is Latin-1, or NULL.
// Grey pixels are multiplied by `factor`: 255 for masks of 0 and 1, else 1.
// Returns 0 with a buffer for `cpng_free`, or -1 with libpng's words in `message`.
int cpng_encode(const uint8_t *pixels, uint32_t width, uint32_t height, int channels,
                uint8_t factor, const char *comment, uint8_t **bytes, size_t *count,
                char message[CPNG_MESSAGE_SIZE]);

void cpng_free(uint8_t *bytes);

#endif
