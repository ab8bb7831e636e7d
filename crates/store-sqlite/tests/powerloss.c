/* A disk that forgets at a power cut whatever was not synced.
 *
 * Preloaded into a writer (LD_PRELOAD), it keeps for every database file a second one in the folder
 * $STOA_DURABLE that receives the writes only at fsync or fdatasync. Kill the writer, and that folder
 * holds what a disk without a battery would hold. Only what SQLite uses is covered: open, pwrite,
 * write at an offset, ftruncate, fsync, fdatasync. Shared memory (-shm) is left out, as after a reboot.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { FILES = 4096 };

struct change {
    struct change *next;
    off_t at; /* where, or the new length */
    ssize_t len; /* bytes, or -1 for a new length */
    char data[];
};

/* Changes wait by name, not by descriptor: a sync through any descriptor makes them all durable. */
struct disk_file {
    char name[256];
    struct change *first, **last;
};

static struct disk_file disk[64];
static struct disk_file *by_fd[FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static void opened(int fd, const char *path) {
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    size_t len = strlen(base);
    int wanted = (len >= 3 && !strcmp(base + len - 3, ".db")) || (len >= 7 && !strcmp(base + len - 7, ".db-wal"));
    if (fd < 0 || fd >= FILES || !wanted || !getenv("STOA_DURABLE"))
        return;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < sizeof disk / sizeof *disk; i++) {
        if (!disk[i].name[0]) {
            snprintf(disk[i].name, sizeof disk[i].name, "%s", base);
            disk[i].last = &disk[i].first;
        }
        if (!strcmp(disk[i].name, base)) {
            by_fd[fd] = &disk[i];
            break;
        }
    }
    pthread_mutex_unlock(&lock);
}

static void changed(int fd, const void *data, ssize_t len, off_t at) {
    struct disk_file *f = fd >= 0 && fd < FILES ? by_fd[fd] : NULL;
    if (!f)
        return;
    struct change *c = malloc(sizeof *c + (len > 0 ? (size_t)len : 0));
    if (!c)
        abort();
    *c = (struct change){NULL, at, len};
    if (len > 0)
        memcpy(c->data, data, (size_t)len);
    pthread_mutex_lock(&lock);
    *f->last = c;
    f->last = &c->next;
    pthread_mutex_unlock(&lock);
}

static void synced(int fd) {
    struct disk_file *f = fd >= 0 && fd < FILES ? by_fd[fd] : NULL;
    if (!f)
        return;
    ssize_t (*put)(int, const void *, size_t, off_t) = real("pwrite64");
    int (*cut)(int, off_t) = real("ftruncate64");
    int (*op)(const char *, int, ...) = real("open64");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("STOA_DURABLE"), f->name);
    pthread_mutex_lock(&lock);
    int to = op(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (to < 0)
        abort();
    while (f->first) {
        struct change *c = f->first;
        if (c->len < 0 ? cut(to, c->at) : put(to, c->data, (size_t)c->len, c->at) != c->len)
            abort();
        f->first = c->next;
        free(c);
    }
    f->last = &f->first;
    close(to);
    pthread_mutex_unlock(&lock);
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list args;                                                                                                  \
        va_start(args, flags);                                                                                         \
        mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;                                                      \
        va_end(args);                                                                                                  \
        int fd = ((int (*)(const char *, int, ...))real(#name))(path, flags, mode);                                    \
        if (fd >= 0 && fd < FILES)                                                                                     \
            by_fd[fd] = NULL;                                                                                          \
        opened(fd, path);                                                                                              \
        return fd;                                                                                                     \
    }
OPEN(open)
OPEN(open64)

#define PWRITE(name)                                                                                                   \
    ssize_t name(int fd, const void *data, size_t len, off_t at) {                                                     \
        ssize_t n = ((ssize_t (*)(int, const void *, size_t, off_t))real(#name))(fd, data, len, at);                   \
        if (n > 0)                                                                                                     \
            changed(fd, data, n, at);                                                                                  \
        return n;                                                                                                      \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t write(int fd, const void *data, size_t len) {
    off_t at = fd >= 0 && fd < FILES && by_fd[fd] ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t n = ((ssize_t (*)(int, const void *, size_t))real("write"))(fd, data, len);
    if (n > 0)
        changed(fd, data, n, at);
    return n;
}

#define TRUNCATE(name)                                                                                                 \
    int name(int fd, off_t len) {                                                                                      \
        int r = ((int (*)(int, off_t))real(#name))(fd, len);                                                           \
        if (!r)                                                                                                        \
            changed(fd, NULL, -1, len);                                                                                \
        return r;                                                                                                      \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define SYNC(name)                                                                                                     \
    int name(int fd) {                                                                                                 \
        int r = ((int (*)(int))real(#name))(fd);                                                                       \
        if (!r)                                                                                                        \
            synced(fd);                                                                                                \
        return r;                                                                                                      \
    }
SYNC(fsync)
SYNC(fdatasync)
