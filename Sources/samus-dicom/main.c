// Reads one DICOM file from standard input and writes what it contains to standard output.
//
//   samus-dicom describe            one line of JSON
//   samus-dicom frames FIRST COUNT  that line; then for each frame a byte 0 and its pixels, or a
//                                   byte 1 and a line of JSON with the error
//   samus-dicom identify            that line; then a line of JSON with Patient ID and UIDs
//   samus-dicom context             that line; then a line of JSON with patient, study and identity
//   samus-dicom masks               that line; then a line of JSON with the segments and frames of a
//                                   Segmentation object, or an error; then for each frame a byte 0
//                                   and its mask, 0 and 1
//   samus-dicom deidentify PATIENT STUDY SERIES INSTANCE METHOD DERIVATION X0,Y0,X1,Y1 ...
//                                   that line; then a byte 0 and a DICOM file with these
//                                   identifiers, black outside the boxes, or a byte 1 and an error.
//                                   The exit code is not 0 if a later frame cannot be decoded
//
// The `DICOM` target starts this program. It is a process of its own because DCMTK and OpenJPEG are
// C and C++ that decode files of other people: a crash here is an error there, memory and time are
// limited, and on Linux the kernel refuses every system call but reading, writing and memory.
#include "cdcmtk.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

static const size_t largest_file = (size_t)512 << 20;
static const uint64_t largest_image = 100000000;
// Twice the largest file and a few frames of the largest size.
static const rlim_t largest_memory = (rlim_t)3 << 30;
static const rlim_t longest_time = 600;
// Of parsing, and of each frame: a damaged JPEG frame can keep DCMTK's decoder busy for ever.
static const int longest_frame_time = 60;

// Seconds of processor time since the last frame.
static volatile sig_atomic_t seconds_of_frame = 0;

static void count_second(int signal) {
    (void)signal;
    // The same end as at the limit of the whole process.
    if (++seconds_of_frame > longest_frame_time) raise(SIGXCPU);
}

static void limit(int resource, rlim_t value) {
    struct rlimit limits = {value, value};
    setrlimit(resource, &limits);
}

static void limit_resources(void) {
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, longest_time);
    limit(RLIMIT_AS, largest_memory);
    struct sigaction action = {.sa_handler = count_second, .sa_flags = SA_RESTART};
    sigaction(SIGPROF, &action, NULL);
    struct itimerval second = {{1, 0}, {1, 0}};
    setitimer(ITIMER_PROF, &second, NULL);
}

// Refuses every system call that decoding does not need: no file can be opened, no process started,
// no connection made. Where the kernel has no filters, the limits above remain.
static void restrict_system_calls(void) {
#ifdef __linux__
#if defined(__x86_64__)
    const unsigned architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
    const unsigned architecture = AUDIT_ARCH_AARCH64;
#else
    return;
#endif
    static const int allowed[] = {
        SYS_read,  SYS_write,         SYS_readv,          SYS_writev,       SYS_close,
        SYS_fstat, SYS_newfstatat,    SYS_lseek,          SYS_mmap,         SYS_munmap,
        SYS_brk,   SYS_mremap,        SYS_mprotect,       SYS_madvise,      SYS_futex,
        SYS_exit,  SYS_rt_sigaction,  SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_getpid,
        SYS_gettid, SYS_tgkill,       SYS_clock_gettime,  SYS_getrandom,    SYS_sched_yield,
        SYS_exit_group,
    };
    enum { count = sizeof allowed / sizeof allowed[0] };
    struct sock_filter filter[2 * count + 6];
    unsigned length = 0;
    filter[length++] = (struct sock_filter)BPF_STMT(
        BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    filter[length++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0);
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    filter[length++] = (struct sock_filter)BPF_STMT(
        BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < count; i++) {
        filter[length++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    filter[length++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    struct sock_fprog program = {(unsigned short)length, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    }
#endif
}

static void put(const void *bytes, size_t count) {
    if (fwrite(bytes, 1, count, stdout) != count) {
        // The reader has gone away.
        _exit(74);
    }
}

static void put_error(const cdcmtk_error *error) {
    char line[2 * CDCMTK_REASON_SIZE + 100];
    size_t length = (size_t)snprintf(line, 80, "{\"error\":\"%s\",\"reason\":\"", error->kind);
    for (const char *c = error->reason; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        line[length++] = byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\' ? ' ' : *c;
    }
    memcpy(line + length, "\"}\n", 3);
    put(line, length + 3);
}

static int fail(const char *kind, const char *reason) {
    cdcmtk_error error = {.kind = kind};
    snprintf(error.reason, sizeof error.reason, "%s", reason);
    put_error(&error);
    fflush(stdout);
    return 0;
}

// All of standard input; NULL after an error.
static uint8_t *read_input(size_t *count) {
    struct stat status;
    if (fstat(STDIN_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) {
        fail("damaged", "standard input is not a file");
        return NULL;
    }
    if ((uint64_t)status.st_size > largest_file) {
        fail("too_large", "it has more than 512 MB");
        return NULL;
    }
    size_t size = (size_t)status.st_size;
    uint8_t *bytes = malloc(size + 1);
    for (*count = 0; bytes != NULL && *count < size;) {
        ssize_t done = read(STDIN_FILENO, bytes + *count, size - *count);
        if (done <= 0) break;
        *count += (size_t)done;
    }
    if (bytes == NULL || *count < size) fail("damaged", "it cannot be read to its end");
    return bytes;
}

static int put_frames(cdcmtk_file *file, unsigned long first, unsigned long wanted) {
    cdcmtk_size size = cdcmtk_image_size(file);
    size_t bytes = (size_t)size.width * size.height * size.channels;
    uint8_t *pixels = malloc(bytes + 1);
    for (unsigned long frame = first; frame < size.frames && frame - first < wanted; frame++) {
        cdcmtk_error error = {.kind = "too_large", .reason = "it needs too much memory"};
        seconds_of_frame = 0;
        if (pixels == NULL || cdcmtk_frame(file, (uint32_t)frame, pixels, &error) != 0) {
            put("\1", 1);
            put_error(&error);
        } else {
            put("\0", 1);
            put(pixels, bytes);
        }
    }
    free(pixels);
    return 0;
}

static void put_masks(cdcmtk_file *file) {
    cdcmtk_error error = {.kind = "damaged", .reason = "it needs too much memory"};
    size_t area = 0;
    uint32_t frames = 0;
    const char *line = cdcmtk_segmentation(file, largest_image, &area, &frames, &error);
    uint8_t *pixels = malloc(area + 1);
    if (line == NULL || pixels == NULL) {
        put_error(&error);
        return;
    }
    put(line, strlen(line));
    put("\n", 1);
    for (uint32_t frame = 0; frame < frames; frame++) {
        cdcmtk_mask(file, frame, pixels);
        put("\0", 1);
        put(pixels, area);
    }
    free(pixels);
}

// Whether a pixel lies in one of the boxes.
static int is_kept(uint32_t x, uint32_t y, int boxes, unsigned box[][4]) {
    for (int i = 0; i < boxes; i++) {
        if (x >= box[i][0] && y >= box[i][1] && x < box[i][2] && y < box[i][3]) return 1;
    }
    return 0;
}

static int put_deidentified(cdcmtk_file *file, char **names, int boxes, char **texts) {
    enum { largest_count = 64 };
    static unsigned box[largest_count][4];
    cdcmtk_error error = {.kind = "damaged", .reason = "the boxes are wrong"};
    cdcmtk_identity identity = {names[0], names[1], names[2], names[3], names[4], names[5]};
    size_t count = 0;
    const char *header = NULL;
    int valid = boxes > 0 && boxes <= largest_count;
    for (int i = 0; valid && i < boxes; i++) {
        unsigned *corner = box[i];
        valid = sscanf(texts[i], "%u,%u,%u,%u", &corner[0], &corner[1], &corner[2],
                       &corner[3]) == 4;
    }
    if (valid) header = cdcmtk_deidentified_header(file, &identity, &count, &error);
    cdcmtk_size size = cdcmtk_image_size(file);
    size_t bytes = (size_t)size.width * size.height * size.channels;
    uint8_t *pixels = malloc(bytes + 1);
    if (header == NULL || pixels == NULL) {
        put("\1", 1);
        put_error(&error);
        return 0;
    }
    put("\0", 1);
    put(header, count);
    for (uint32_t frame = 0; frame < size.frames; frame++) {
        seconds_of_frame = 0;
        if (cdcmtk_frame(file, frame, pixels, &error) != 0) return 65;
        for (uint32_t y = 0; y < size.height; y++) {
            for (uint32_t x = 0; x < size.width; x++) {
                if (is_kept(x, y, boxes, box)) continue;
                memset(pixels + ((size_t)y * size.width + x) * size.channels, 0, size.channels);
            }
        }
        put(pixels, bytes);
    }
    if (bytes % 2 == 1 && size.frames % 2 == 1) put("\0", 1);
    return 0;
}

int main(int argc, char **argv) {
    int frames = argc == 4 && strcmp(argv[1], "frames") == 0;
    int identify = argc == 2 && strcmp(argv[1], "identify") == 0;
    int context = argc == 2 && strcmp(argv[1], "context") == 0;
    int masks = argc == 2 && strcmp(argv[1], "masks") == 0;
    int deidentify = argc >= 9 && strcmp(argv[1], "deidentify") == 0;
    int describe = argc == 2 && strcmp(argv[1], "describe") == 0;
    if (!frames && !identify && !context && !masks && !deidentify && !describe) {
        fprintf(stderr, "usage: samus-dicom describe|identify|context|masks|frames FIRST COUNT <FILE\n");
        return 64;
    }
    limit_resources();
    cdcmtk_prepare();
    restrict_system_calls();
    size_t count = 0;
    uint8_t *bytes = read_input(&count);
    if (bytes == NULL) return 0;
    cdcmtk_error error = {.kind = "damaged"};
    cdcmtk_file *file = cdcmtk_open(bytes, count, largest_image, &error);
    free(bytes);
    int status = 0;
    if (file == NULL) {
        put_error(&error);
    } else {
        put(cdcmtk_description(file), strlen(cdcmtk_description(file)));
        put("\n", 1);
        if (frames) put_frames(file, strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
        if (identify || context) {
            const char *line = identify ? cdcmtk_identifiers(file) : cdcmtk_context(file);
            put(line, strlen(line));
            put("\n", 1);
        }
        if (masks) put_masks(file);
        if (deidentify) status = put_deidentified(file, argv + 2, argc - 8, argv + 8);
    }
    // The process ends here: nothing is gained by taking the parsed file apart.
    return fflush(stdout) == 0 ? status : 74;
}
