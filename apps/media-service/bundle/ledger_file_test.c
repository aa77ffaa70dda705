/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger_file.h"

#include "bundle_test_support.h"
#include "run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

static void open_ledger(const struct bundle_fixture *fixture, struct ledger_file *file)
{
    g_autofree char *folder = g_build_filename(fixture->root, TEST_RUN, NULL);
    g_autofree char *path = bundle_path(fixture, TEST_RUN, RUN_LEDGER);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    ledger_file_init(file, path);
}

static bool add(struct ledger_file *file, const char *line, struct dub_error *error)
{
    ledger_file_add(file, line);
    return ledger_file_flush(file, error);
}

static void assert_text(const struct bundle_fixture *fixture, const char *expected)
{
    g_autofree char *text = bundle_read(fixture, TEST_RUN, RUN_LEDGER);
    g_assert_cmpstr(text, ==, expected);
}

static void test_lines_are_appended(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_file file;
    open_ledger(fixture, &file);
    g_assert_true(add(&file, "one", NULL));
    assert_text(fixture, "one\n");
    g_assert_true(add(&file, "two", NULL));
    ledger_file_sync(&file);
    ledger_file_clear(&file);
    open_ledger(fixture, &file);
    g_assert_true(add(&file, "three", NULL));
    assert_text(fixture, "one\ntwo\nthree\n");
    ledger_file_clear(&file);
}

/* As after a crash in the middle of a line. */
static void test_a_cut_line_goes(struct bundle_fixture *fixture, const void *data)
{
    static const char *const before[] = {"one\ntw", "tw", "one\n", ""};
    static const char *const after[] = {"one\nthree\n", "three\n", "one\nthree\n", "three\n"};
    for (gsize i = 0; i < G_N_ELEMENTS(before); i++) {
        struct ledger_file file;
        bundle_put(fixture, TEST_RUN, RUN_LEDGER, before[i], -1);
        open_ledger(fixture, &file);
        g_assert_true(add(&file, "three", NULL));
        assert_text(fixture, after[i]);
        ledger_file_clear(&file);
    }
}

static void test_an_open_one_is_in_use(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_file file;
    g_autofree char *folder = g_build_filename(fixture->root, TEST_RUN, NULL);
    g_assert_false(run_folder_is_in_use(folder));
    open_ledger(fixture, &file);
    g_assert_true(add(&file, "one", NULL));
    g_assert_true(run_folder_is_in_use(folder));
    ledger_file_clear(&file);
    g_assert_false(run_folder_is_in_use(folder));
}

/* Who looks whether it is in use holds the lock for that moment. */
static void test_a_lock_that_was_taken_is_tried_again(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_file file;
    g_autofree char *folder = g_build_filename(fixture->root, TEST_RUN, NULL);
    g_autofree char *path = bundle_path(fixture, TEST_RUN, RUN_LEDGER);
    bundle_put(fixture, TEST_RUN, RUN_LEDGER, "", 0);
    int looking = g_open(path, O_RDONLY | O_CLOEXEC, 0);
    g_assert_cmpint(flock(looking, LOCK_EX | LOCK_NB), ==, 0);
    open_ledger(fixture, &file);
    g_assert_true(add(&file, "one", NULL));
    close(looking);
    g_assert_false(run_folder_is_in_use(folder));
    g_assert_true(add(&file, "two", NULL));
    g_assert_true(run_folder_is_in_use(folder));
    assert_text(fixture, "one\ntwo\n");
    ledger_file_clear(&file);
}

static void test_a_removed_one_is_begun_anew(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_file file;
    g_autofree char *path = bundle_path(fixture, TEST_RUN, RUN_LEDGER);
    open_ledger(fixture, &file);
    g_assert_true(add(&file, "one", NULL));
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_true(add(&file, "two", NULL));
    assert_text(fixture, "two\n");
    ledger_file_clear(&file);
}

/* The kernel takes a part of the second line: nothing of it stays, and it comes later, in order. */
static void test_refused_in_the_middle(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_file file;
    struct rlimit before;
    struct dub_error error = {0};
    signal(SIGXFSZ, SIG_IGN);
    open_ledger(fixture, &file);
    g_assert_true(add(&file, "one", NULL));
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &(struct rlimit){6, before.rlim_max}), ==, 0);
    bool second = add(&file, "second", &error);
    bool third = add(&file, "third", NULL);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_false(second || third);
    g_assert_cmpint(error.code, ==, DUB_ERROR_IO);
    assert_text(fixture, "one\n");
    g_assert_true(add(&file, "fourth", NULL));
    assert_text(fixture, "one\nsecond\nthird\nfourth\n");
    ledger_file_clear(&file);
}

static void test_what_waits_is_bounded(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_file file;
    g_autofree char *line = g_strnfill(1 << 14, 'x');
    open_ledger(fixture, &file);
    for (int i = 0; i < 100; i++)
        ledger_file_add(&file, line);
    g_assert_cmpuint(file.pending->len, <=, LEDGER_FILE_PENDING_MAX_BYTES);
    g_assert_cmpuint(file.lost, ==, 100 - file.pending->len / ((1 << 14) + 1));
    g_assert_cmpuint(file.lost, >, 0);
    ledger_file_clear(&file);
}

static void test_small_disk(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_file file;
    struct dub_error error = {0};
    if (!g_test_subprocess()) {
        test_disk_run_subprocess(fixture->root);
        return;
    }
    g_assert_true(test_disk_mount(fixture->root, "64k"));
    open_ledger(fixture, &file);
    g_assert_true(add(&file, "one", NULL));
    test_disk_fill(fixture->root);
    g_autofree char *line = g_strnfill(8000, 'x');
    g_assert_false(add(&file, line, &error));
    g_assert_nonnull(strstr(error.message, g_strerror(ENOSPC)));
    assert_text(fixture, "one\n");
    test_disk_empty(fixture->root);
    g_assert_true(ledger_file_flush(&file, &error));
    g_autofree char *expected = g_strconcat("one\n", line, "\n", NULL);
    assert_text(fixture, expected);
    ledger_file_clear(&file);
    g_assert_cmpint(umount(fixture->root), ==, 0);
}

static void test_damaged_lines_are_taken_out(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_counts counts;
    g_autofree char *path = bundle_path(fixture, TEST_RUN, RUN_LEDGER);
    g_autofree char *good = bundle_lines(1, 2);
    g_autofree char *third = bundle_line(3);
    g_autofree char *whole = g_strconcat(good, third, "\n", NULL);
    g_autofree char *damaged = g_strconcat(good, "{\"a\":1}\n\n\xff\xfe\n", third, NULL);
    bundle_put(fixture, TEST_RUN, RUN_LEDGER, damaged, -1);
    g_assert_true(ledger_file_repair(path, &counts, NULL));
    g_assert_cmpint(counts.lines, ==, 3);
    g_assert_cmpint(counts.bad, ==, 2);
    g_assert_cmpint(counts.states[DUB_PHRASE_DUBBED], ==, 3);
    assert_text(fixture, whole);
    g_assert_true(ledger_file_repair(path, &counts, NULL));
    g_assert_cmpint(counts.bad, ==, 0);
    assert_text(fixture, whole);
}

static void test_no_ledger_is_an_empty_one(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_counts counts;
    struct dub_error error = {0};
    g_autofree char *path = bundle_path(fixture, TEST_RUN, RUN_LEDGER);
    g_assert_true(ledger_file_repair(path, &counts, NULL));
    g_assert_cmpint(counts.lines, ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    g_assert_false(ledger_file_repair(path, &counts, &error));
}

#define ADD(name, function)                                                                                  \
    g_test_add("/ledger-file/" name, struct bundle_fixture, NULL, bundle_set_up, function, bundle_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("lines-are-appended", test_lines_are_appended);
    ADD("a-cut-line-goes", test_a_cut_line_goes);
    ADD("an-open-one-is-in-use", test_an_open_one_is_in_use);
    ADD("a-lock-that-was-taken-is-tried-again", test_a_lock_that_was_taken_is_tried_again);
    ADD("a-removed-one-is-begun-anew", test_a_removed_one_is_begun_anew);
    ADD("refused-in-the-middle", test_refused_in_the_middle);
    ADD("what-waits-is-bounded", test_what_waits_is_bounded);
    ADD("small-disk", test_small_disk);
    ADD("damaged-lines-are-taken-out", test_damaged_lines_are_taken_out);
    ADD("no-ledger-is-an-empty-one", test_no_ledger_is_an_empty_one);
    return g_test_run();
}
