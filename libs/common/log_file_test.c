/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log_file.h"

#include "test_disk.h"
#include "test_support.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <utime.h>

#define N_PROCESSES 4
#define LINES_EACH 400

struct fixture {
    char *dir;
    char *path;
};

static void set_up(struct fixture *fixture, const void *data)
{
    fixture->dir = test_directory_new();
    fixture->path = g_build_filename(fixture->dir, "x.log", NULL);
}

static void tear_down(struct fixture *fixture, const void *data)
{
    test_directory_remove(fixture->dir);
    g_free(fixture->path);
}

static enum log_file_news append(struct log_file *file, const char *line)
{
    return log_file_append(file, line, strlen(line));
}

static char *read_file(const char *path)
{
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

static void assert_content(const char *path, const char *content)
{
    g_autofree char *text = read_file(path);
    g_assert_cmpstr(text, ==, content);
}

static G_GNUC_NORETURN void write_many(const char *path, int process, int max_files)
{
    struct log_file file;
    log_file_init(&file, path, 500, max_files);
    for (int i = 0; i < LINES_EACH; i++) {
        g_autofree char *line = g_strdup_printf("process %d line %d\n", process, i);
        if (append(&file, line) != LOG_FILE_NO_NEWS)
            _exit(1);
    }
    _exit(0);
}

static void run_writers(const char *path, int max_files)
{
    pid_t pids[N_PROCESSES];
    for (int i = 0; i < N_PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            write_many(path, i, max_files);
    }
    for (int i = 0; i < N_PROCESSES; i++) {
        int status = 1;
        g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
        g_assert_cmpint(status, ==, 0);
    }
}

static char *numbered(const char *path, int number)
{
    return number == 0 ? g_strdup(path) : g_strdup_printf("%s.%d", path, number);
}

/* Every line of every process is somewhere, once and whole, and the files were rotated meanwhile. */
static void test_processes_share_a_file(struct fixture *fixture, const void *data)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    int n_files = 0;
    run_writers(fixture->path, 10000);
    for (;; n_files++) {
        g_autofree char *path = numbered(fixture->path, n_files);
        g_autofree char *text = NULL;
        if (!g_file_get_contents(path, &text, NULL, NULL))
            break;
        g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
        for (char **line = lines; *line != NULL; line++)
            if (!g_hash_table_add(seen, g_strdup(*line)))
                g_error("twice in %s: \"%s\"", path, *line);
    }
    g_assert_cmpint(n_files, >=, 2);
    g_assert_cmpuint(g_hash_table_size(seen), ==, N_PROCESSES * LINES_EACH);
    for (int i = 0; i < N_PROCESSES * LINES_EACH; i++) {
        g_autofree char *line = g_strdup_printf("process %d line %d", i / LINES_EACH, i % LINES_EACH);
        g_assert_true(g_hash_table_contains(seen, line));
    }
}

/* Never more files; and where one has grown because its rotation was somebody else's business, that passes.
 */
static void test_processes_keep_the_bound(struct fixture *fixture, const void *data)
{
    struct log_file file;
    run_writers(fixture->path, 3);
    log_file_init(&file, fixture->path, 500, 3);
    for (int i = 0; i < 100; i++)
        g_assert_cmpint(append(&file, "a line of twenty one\n"), ==, LOG_FILE_NO_NEWS);
    log_file_clear(&file);
    for (int i = 0; i < 10; i++) {
        g_autofree char *path = numbered(fixture->path, i);
        GStatBuf info = {0};
        g_assert_true((g_stat(path, &info) == 0) == (i < 3));
        g_assert_cmpint(info.st_size, <=, 500);
    }
}

static void test_a_removed_file_is_made_anew(struct fixture *fixture, const void *data)
{
    struct log_file file;
    log_file_init(&file, fixture->path, 1000, 2);
    append(&file, "one\n");
    g_assert_cmpint(g_unlink(fixture->path), ==, 0);
    g_assert_cmpint(append(&file, "two\n"), ==, LOG_FILE_NO_NEWS);
    assert_content(fixture->path, "two\n");
    log_file_clear(&file);
}

/* A cut line, be it another process's, is not glued to the next. */
static void test_a_cut_line_stays_alone(struct fixture *fixture, const void *data)
{
    struct log_file file;
    g_assert_true(g_file_set_contents(fixture->path, "one\ntw", -1, NULL));
    log_file_init(&file, fixture->path, 1000, 2);
    append(&file, "three\n");
    append(&file, "four\n");
    assert_content(fixture->path, "one\ntw\nthree\nfour\n");
    log_file_clear(&file);
}

/* Where nothing can be renamed the size still has its bound. */
static void test_a_file_that_cannot_be_renamed_begins_anew(struct fixture *fixture, const void *data)
{
    struct log_file file;
    g_autofree char *in_the_way = g_build_filename(fixture->dir, "x.log.1", "y", NULL);
    g_assert_cmpint(g_mkdir_with_parents(in_the_way, 0700), ==, 0);
    log_file_init(&file, fixture->path, 10, 2);
    append(&file, "12345678\n");
    append(&file, "second\n");
    assert_content(fixture->path, "second\n");
    log_file_clear(&file);
}

static void test_surplus_files_go(struct fixture *fixture, const void *data)
{
    struct log_file file;
    for (int i = 1; i <= 5; i++) {
        g_autofree char *path = numbered(fixture->path, i);
        g_assert_true(g_file_set_contents(path, "old\n", -1, NULL));
    }
    log_file_init(&file, fixture->path, 5, 3);
    append(&file, "one\n");
    append(&file, "two\n");
    for (int i = 0; i <= 5; i++) {
        g_autofree char *path = numbered(fixture->path, i);
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS) == (i < 3));
    }
    log_file_clear(&file);
}

/* A file stands where the folder should be: nothing can be opened, until it goes. */
static void test_a_folder_that_comes_later(struct fixture *fixture, const void *data)
{
    struct log_file file;
    g_autofree char *folder = g_build_filename(fixture->dir, "logs", NULL);
    g_autofree char *path = g_build_filename(folder, "x.log", NULL);
    g_assert_true(g_file_set_contents(folder, "", 0, NULL));
    log_file_init(&file, path, 1000, 2);
    g_assert_cmpint(append(&file, "one\n"), ==, LOG_FILE_FAILED);
    g_assert_cmpint(file.errnum, ==, ENOTDIR);
    g_assert_cmpint(append(&file, "two\n"), ==, LOG_FILE_NO_NEWS);
    g_assert_cmpint(g_unlink(folder), ==, 0);
    g_assert_cmpint(append(&file, "three\n"), ==, LOG_FILE_AGAIN);
    g_assert_cmpint(file.missing, ==, 2);
    assert_content(path, "three\n");
    log_file_clear(&file);
}

/* The kernel cuts a write in the middle, as a full disk does. */
static void test_refused_by_the_kernel(struct fixture *fixture, const void *data)
{
    struct log_file file;
    struct rlimit before;
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    log_file_init(&file, fixture->path, 1000, 2);
    append(&file, "one\n");
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &(struct rlimit){7, before.rlim_max}), ==, 0);
    enum log_file_news first = append(&file, "second\n");
    enum log_file_news second = append(&file, "third\n");
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_cmpint(first, ==, LOG_FILE_FAILED);
    g_assert_cmpint(second, ==, LOG_FILE_NO_NEWS);
    g_assert_cmpint(append(&file, "fourth\n"), ==, LOG_FILE_AGAIN);
    g_assert_cmpint(append(&file, "fifth\n"), ==, LOG_FILE_NO_NEWS);
    assert_content(fixture->path, "one\nsec\nfourth\nfifth\n");
    log_file_clear(&file);
}

/* A disk that is full, then has room, then is read-only, then is not. */
static void test_small_and_read_only_disk(struct fixture *fixture, const void *data)
{
    struct log_file file;
    if (!g_test_subprocess()) {
        test_disk_run_subprocess(fixture->dir);
        return;
    }
    g_assert_true(test_disk_mount(fixture->dir, "64k"));
    log_file_init(&file, fixture->path, 10000, 2);
    test_disk_fill(fixture->dir);
    g_assert_cmpint(append(&file, "one\n"), ==, LOG_FILE_FAILED);
    g_assert_cmpint(file.errnum, ==, ENOSPC);
    g_assert_cmpint(append(&file, "two\n"), ==, LOG_FILE_NO_NEWS);
    test_disk_empty(fixture->dir);
    g_assert_cmpint(append(&file, "three\n"), ==, LOG_FILE_AGAIN);
    log_file_clear(&file);
    g_assert_true(test_disk_set_read_only(fixture->dir, true));
    log_file_init(&file, fixture->path, 10000, 2);
    g_assert_cmpint(append(&file, "four\n"), ==, LOG_FILE_FAILED);
    g_assert_cmpint(file.errnum, ==, EROFS);
    g_assert_true(test_disk_set_read_only(fixture->dir, false));
    g_assert_cmpint(append(&file, "five\n"), ==, LOG_FILE_AGAIN);
    assert_content(fixture->path, "three\nfive\n");
    log_file_clear(&file);
    g_assert_cmpint(umount(fixture->dir), ==, 0);
}

static void test_old_logs_of_streams_go(struct fixture *fixture, const void *data)
{
    static const struct {
        const char *name;
        int64_t age_s;
        bool stays;
    } cases[] = {
        {"media-worker-a.log", 1000, false},  {"media-worker-a.log.2", 1000, false},
        {"media-worker-b.log", 10, true},     {"media-worker.log", 1000, true},
        {"media-worker-c.log.x", 1000, true}, {"media-worker-c.txt", 1000, true},
        {"sts-service-a.log", 1000, true},    {"media-worker-a.log.", 1000, true},
    };
    time_t now = (time_t)(dub_wall_time_ms() / 1000);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_build_filename(fixture->dir, cases[i].name, NULL);
        time_t at = now - (time_t)cases[i].age_s;
        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        g_assert_cmpint(utime(path, &(struct utimbuf){at, at}), ==, 0);
    }
    log_file_remove_old(fixture->dir, "media-worker-", 500);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_build_filename(fixture->dir, cases[i].name, NULL);
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS) == cases[i].stays);
    }
    log_file_remove_old("/proc/nonexistent", "x", 1);
}

#define ADD(name, function) g_test_add("/log-file/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("processes-share-a-file", test_processes_share_a_file);
    ADD("processes-keep-the-bound", test_processes_keep_the_bound);
    ADD("a-removed-file-is-made-anew", test_a_removed_file_is_made_anew);
    ADD("a-cut-line-stays-alone", test_a_cut_line_stays_alone);
    ADD("a-file-that-cannot-be-renamed-begins-anew", test_a_file_that_cannot_be_renamed_begins_anew);
    ADD("surplus-files-go", test_surplus_files_go);
    ADD("a-folder-that-comes-later", test_a_folder_that_comes_later);
    ADD("refused-by-the-kernel", test_refused_by_the_kernel);
    ADD("small-and-read-only-disk", test_small_and_read_only_disk);
    ADD("old-logs-of-streams-go", test_old_logs_of_streams_go);
    return g_test_run();
}
