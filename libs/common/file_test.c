/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_file.h>

#include "test_support.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static guint count_entries(const char *path)
{
    guint n = 0;
    GDir *dir = g_dir_open(path, 0, NULL);
    while (g_dir_read_name(dir) != NULL)
        n++;
    g_dir_close(dir);
    return n;
}

static void test_write_replaces_the_whole_file(void)
{
    struct dub_error error;
    char *dir = test_directory_new();
    g_autofree char *path = g_build_filename(dir, "a.json", NULL);
    g_autofree char *text = NULL;
    g_assert_true(dub_file_write_atomic(path, "a long first text", 17, &error));
    g_assert_true(dub_file_write_atomic(path, "short", 5, &error));
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "short");
    g_clear_pointer(&text, g_free);
    g_assert_true(dub_file_replace(path, "other", 5, &error));
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "other");
    g_assert_cmpuint(count_entries(dir), ==, 1);
    test_directory_remove(dir);
}

static void test_failed_write_leaves_nothing_behind(void)
{
    struct dub_error error = {0};
    char *dir = test_directory_new();
    g_autofree char *missing = g_build_filename(dir, "no-such-dir", "a", NULL);
    g_autofree char *occupied = g_build_filename(dir, "occupied", NULL);
    g_assert_false(dub_file_write_atomic(missing, "x", 1, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_IO);
    g_assert_nonnull(strstr(error.message, "no-such-dir"));
    g_assert_cmpint(g_mkdir(occupied, 0700), ==, 0);
    g_assert_false(dub_file_write_atomic(occupied, "x", 1, &error));
    g_assert_cmpuint(count_entries(dir), ==, 1);
    test_directory_remove(dir);
}

static void test_directories_are_made_on_the_way(void)
{
    struct dub_error error = {0};
    struct stat info;
    char *dir = test_directory_new();
    g_autofree char *deep = g_build_filename(dir, "a", "b", NULL);
    g_autofree char *file = g_build_filename(dir, "file", NULL);
    g_autofree char *below_file = g_build_filename(file, "c", NULL);
    g_assert_true(dub_dir_ensure(deep, &error));
    g_assert_true(dub_dir_ensure(deep, &error));
    g_assert_cmpint(g_stat(deep, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0007, ==, 0);
    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    g_assert_false(dub_dir_ensure(below_file, &error));
    g_assert_nonnull(strstr(error.message, "cannot make the directory"));
    test_directory_remove(dir);
}

static void assert_secret(const char *path, const char *content, gssize size, const char *secret)
{
    struct dub_error error = {0};
    g_assert_true(g_file_set_contents(path, content, size, NULL));
    g_autofree char *read = dub_file_read_secret(path, &error);
    g_assert_cmpstr(read, ==, secret);
}

static void test_secret_is_the_first_line(void)
{
    struct dub_error error = {0};
    char *dir = test_directory_new();
    g_autofree char *path = g_build_filename(dir, "secret", NULL);
    g_autofree char *longest = g_strnfill(4096, 's');
    g_autofree char *too_long = g_strnfill(4097, 's');
    assert_secret(path, "abc\n", -1, "abc");
    assert_secret(path, "abc\r\ndef\n", -1, "abc");
    assert_secret(path, "no newline", -1, "no newline");
    assert_secret(path, "", 0, "");
    assert_secret(path, longest, -1, longest);
    assert_secret(path, too_long, -1, NULL);
    g_unlink(path);
    g_assert_null(dub_file_read_secret(path, &error));
    g_assert_nonnull(strstr(error.message, "cannot read"));
    g_assert_null(dub_file_read_secret(dir, &error));
    test_directory_remove(dir);
}

static void test_a_lock_has_one_holder_and_names_it(void)
{
    struct dub_error error = {0};
    char *dir = test_directory_new();
    g_autofree char *path = g_build_filename(dir, "lock", NULL);
    g_autofree char *holder = g_strdup_printf("process %d", (int)getpid());
    int fd = dub_file_lock(path, &error);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(dub_file_lock(path, &error), ==, -1);
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, holder));
    dub_file_unlock(fd);
    fd = dub_file_lock(path, &error);
    g_assert_cmpint(fd, >=, 0);
    dub_file_unlock(fd);
    test_directory_remove(dir);
}

static void test_a_lock_that_cannot_be_made_says_where(void)
{
    struct dub_error error = {0};
    g_assert_cmpint(dub_file_lock("/no-such-dir/lock", &error), ==, -1);
    g_assert_cmpint(error.code, ==, DUB_ERROR_IO);
    g_assert_nonnull(strstr(error.message, "/no-such-dir/lock"));
    dub_file_unlock(-1);
}

static void test_texts_are_read_within_a_limit(void)
{
    char *dir = test_directory_new();
    g_autofree char *path = g_build_filename(dir, "text", NULL);
    g_autofree char *pipe = g_build_filename(dir, "pipe", NULL);
    struct dub_error error = {0};
    gsize size = 0;
    g_assert_null(dub_file_read_text(path, 5, &size, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_NOT_FOUND);
    g_assert_true(g_file_set_contents(path, "a\0bcd", 5, NULL));
    g_autofree char *text = dub_file_read_text(path, 5, &size, &error);
    g_assert_cmpuint(size, ==, 5);
    g_assert_true(memcmp(text, "a\0bcd", 6) == 0);
    g_assert_null(dub_file_read_text(path, 4, &size, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    /* Nobody writes into it: to wait would be to wait for ever. */
    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    g_assert_null(dub_file_read_text(pipe, 5, &size, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_IO);
    g_assert_null(dub_file_read_text(dir, 5, &size, &error));
    g_assert_null(dub_file_read_text("/dev/zero", 5, &size, &error));
    g_assert_nonnull(strstr(error.message, "/dev/zero is not a file"));
    test_directory_remove(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/file/write-replaces-the-whole-file", test_write_replaces_the_whole_file);
    g_test_add_func("/file/failed-write-leaves-nothing-behind", test_failed_write_leaves_nothing_behind);
    g_test_add_func("/file/directories-are-made-on-the-way", test_directories_are_made_on_the_way);
    g_test_add_func("/file/secret-is-the-first-line", test_secret_is_the_first_line);
    g_test_add_func("/file/a-lock-has-one-holder-and-names-it", test_a_lock_has_one_holder_and_names_it);
    g_test_add_func("/file/a-lock-that-cannot-be-made-says-where",
                    test_a_lock_that_cannot_be_made_says_where);
    g_test_add_func("/file/texts-are-read-within-a-limit", test_texts_are_read_within_a_limit);
    return g_test_run();
}
