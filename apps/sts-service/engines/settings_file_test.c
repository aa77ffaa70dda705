/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings_file.h"

#include "problems.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

static void *count_letters(const char *text, gsize size, GPtrArray *problems)
{
    if (size == 0)
        problems_add(problems, "nothing is in it");
    return size == 0 ? NULL : GSIZE_TO_POINTER(size);
}

/* What is said of a file with so many bytes; NULL: it was read. */
static char *problem_of(const char *path, gsize size)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *text = g_strnfill(size, 'x');
    g_assert_true(g_file_set_contents(path, text, (gssize)size, NULL));
    void *read = settings_file_read(path, count_letters, problems);
    g_assert_cmpuint(GPOINTER_TO_SIZE(read), ==, problems->len == 0 ? size : 0);
    return problems->len == 0 ? NULL : g_strdup(problems->pdata[0]);
}

static void test_sizes(void)
{
    g_autofree char *folder = g_dir_make_tmp("settings-file-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "file", NULL);
    g_assert_null(problem_of(path, 1));
    g_assert_null(problem_of(path, SETTINGS_FILE_MAX_BYTES));
    g_autofree char *large = problem_of(path, SETTINGS_FILE_MAX_BYTES + 1);
    g_assert_cmpstr(large, ==, "larger than 1 MiB");
    g_autofree char *empty = problem_of(path, 0);
    g_assert_cmpstr(empty, ==, "nothing is in it");
    g_unlink(path);
    g_rmdir(folder);
}

static void test_what_cannot_be_read(void)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_assert_null(settings_file_read("/nowhere/file", count_letters, problems));
    g_assert_null(settings_file_read("/", count_letters, problems));
    g_assert_cmpuint(problems->len, ==, 2);
    g_assert_cmpstr(problems->pdata[0], ==, g_strerror(ENOENT));
    g_assert_cmpstr(problems->pdata[1], ==, g_strerror(EISDIR));
}

static void test_strings(void)
{
    g_autoptr(JsonNode) text = json_node_init_string(json_node_alloc(), "a");
    g_autoptr(JsonNode) number = json_node_init_int(json_node_alloc(), 1);
    g_autoptr(JsonNode) null = json_node_init_null(json_node_alloc());
    g_assert_cmpstr(settings_file_string(text), ==, "a");
    g_assert_null(settings_file_string(number));
    g_assert_null(settings_file_string(null));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settings-file/sizes", test_sizes);
    g_test_add_func("/settings-file/what-cannot-be-read", test_what_cannot_be_read);
    g_test_add_func("/settings-file/strings", test_strings);
    return g_test_run();
}
