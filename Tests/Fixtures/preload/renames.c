// Loaded with LD_PRELOAD: the program's renames are counted, and the one with the number RENAME_AT
// does what RENAME_ACTION says: "kill" ends the process before the rename, "fail" returns EIO once,
// "fail-on" for it and all later ones. RENAME_EXCHANGE=0 hides that the file system can exchange
// names.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int count;

static int fails(void) {
    const char *at = getenv("RENAME_AT");
    const char *action = getenv("RENAME_ACTION");
    if (!at || !action) return 0;
    int number = __sync_add_and_fetch(&count, 1);
    int wanted = atoi(at);
    if (number == wanted && strcmp(action, "kill") == 0) kill(getpid(), SIGKILL);
    if (number == wanted ? strncmp(action, "fail", 4) == 0
                         : number > wanted && strcmp(action, "fail-on") == 0) {
        errno = EIO;
        return 1;
    }
    return 0;
}

int rename(const char *from, const char *to) {
    int (*next)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return fails() ? -1 : next(from, to);
}

int renameat(int folder, const char *from, int other, const char *to) {
    int (*next)(int, const char *, int, const char *) = dlsym(RTLD_NEXT, "renameat");
    return fails() ? -1 : next(folder, from, other, to);
}

int renameat2(int folder, const char *from, int other, const char *to, unsigned int flags) {
    int (*next)(int, const char *, int, const char *, unsigned int) =
        dlsym(RTLD_NEXT, "renameat2");
    const char *exchange = getenv("RENAME_EXCHANGE");
    if (flags == 2 && exchange && strcmp(exchange, "0") == 0) {
        errno = EINVAL;
        return -1;
    }
    return fails() ? -1 : next(folder, from, other, to, flags);
}
