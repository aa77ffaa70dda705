/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retention.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>

#define NOW_MS INT64_C(1800000000000)
#define HOUR_MS INT64_C(3600000)

struct fixture {
    char *root;
};

static void set_up(struct fixture *fixture, const void *data)
{
    fixture->root = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
}

static void tear_down(struct fixture *fixture, const void *data)
{
    g_autofree char *command = g_strdup_printf("rm -rf %s", fixture->root);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(fixture->root);
}

static char *name_of(unsigned number)
{
    return g_strdup_printf("2026010%uT030405.678Z-4f9a1c2e", number);
}

static void touch(const char *path, int64_t age_ms)
{
    time_t at = (time_t)((NOW_MS - age_ms) / 1000);
    g_assert_cmpint(utime(path, &(struct utimbuf){at, at}), ==, 0);
}

/* A bundle with a file of 10000 bytes in a folder of it. */
static void make_run(struct fixture *fixture, const char *name, int64_t age_ms)
{
    g_autofree char *content = g_strnfill(10000, 'x');
    g_autofree char *folder = g_build_filename(fixture->root, name, NULL);
    g_autofree char *deep = g_build_filename(folder, "audio", NULL);
    g_autofree char *file = g_build_filename(deep, "a.raw", NULL);
    g_assert_cmpint(g_mkdir_with_parents(deep, 0700), ==, 0);
    g_assert_true(g_file_set_contents(file, content, -1, NULL));
    touch(file, age_ms);
    touch(deep, age_ms);
    touch(folder, age_ms);
}

static bool is_there(struct fixture *fixture, const char *name)
{
    g_autofree char *path = g_build_filename(fixture->root, name, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static unsigned clean(struct fixture *fixture, int64_t max_age_ms, int64_t max_bytes, const char *keep)
{
    const char *const kept[] = {keep, NULL};
    return retention_clean(fixture->root, &(struct retention){max_age_ms, max_bytes}, NOW_MS, kept);
}

static void test_old_runs_go(struct fixture *fixture, const void *data)
{
    g_autofree char *old = name_of(1);
    g_autofree char *kept = name_of(2);
    g_autofree char *young = name_of(3);
    make_run(fixture, old, 3 * HOUR_MS);
    make_run(fixture, kept, 3 * HOUR_MS);
    make_run(fixture, young, HOUR_MS);
    g_assert_cmpuint(clean(fixture, 2 * HOUR_MS, 0, kept), ==, 1);
    g_assert_false(is_there(fixture, old));
    g_assert_true(is_there(fixture, kept));
    g_assert_true(is_there(fixture, young));
}

static void test_the_oldest_make_room(struct fixture *fixture, const void *data)
{
    for (unsigned i = 1; i <= 5; i++) {
        g_autofree char *name = name_of(i);
        make_run(fixture, name, HOUR_MS);
    }
    g_assert_cmpuint(clean(fixture, 0, 0, NULL), ==, 0);
    /* Each takes its 10000 bytes and what its folder takes on this file system. */
    g_assert_cmpuint(clean(fixture, 0, 35000, NULL), >=, 2);
    g_autofree char *oldest = name_of(1);
    g_autofree char *newest = name_of(5);
    g_assert_false(is_there(fixture, oldest));
    g_assert_true(is_there(fixture, newest));
}

static void test_other_things_are_left_alone(struct fixture *fixture, const void *data)
{
    static const char *const names[] = {"notes", "20260101T030405.678Z-4f9a1c2",
                                        "2026x101T030405.678Z-4f9a1c2e", NULL};
    g_autofree char *link = g_build_filename(fixture->root, "20260101T030405.678Z-4f9a1c2e", NULL);
    for (unsigned i = 0; names[i] != NULL; i++)
        make_run(fixture, names[i], 100 * HOUR_MS);
    g_assert_cmpint(symlink(fixture->root, link), ==, 0);
    g_assert_cmpuint(clean(fixture, HOUR_MS, 1, NULL), ==, 0);
    for (unsigned i = 0; names[i] != NULL; i++)
        g_assert_true(is_there(fixture, names[i]));
    const char *const none[] = {NULL};
    g_assert_cmpuint(retention_clean("/nonexistent", &(struct retention){1, 1}, NOW_MS, none), ==, 0);
}

#define ADD(name, function) g_test_add("/retention/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("old-runs-go", test_old_runs_go);
    ADD("the-oldest-make-room", test_the_oldest_make_room);
    ADD("other-things-are-left-alone", test_other_things_are_left_alone);
    return g_test_run();
}
