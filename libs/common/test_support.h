/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of this folder share: waiting for a condition with a deadline, and a scratch directory. */
#pragma once

#include <dubbing_clock.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdbool.h>

#define TEST_DEADLINE_NS (20 * DUB_NS_PER_S)

static inline gboolean test_tick(void *user)
{
    return G_SOURCE_CONTINUE;
}

/* Iterates the default context until condition(user) holds; false after the deadline. */
static inline bool test_wait(bool (*condition)(void *user), void *user)
{
    int64_t deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + TEST_DEADLINE_NS;
    guint tick = g_timeout_add(5, test_tick, NULL);
    bool held = condition(user);
    while (!held && dub_clock_now_ns(dub_clock_monotonic()) < deadline_ns) {
        g_main_context_iteration(NULL, TRUE);
        held = condition(user);
    }
    g_source_remove(tick);
    return held;
}

static inline char *test_directory_new(void)
{
    char *path = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
    g_assert_nonnull(path);
    return path;
}

static inline void test_directory_remove(char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
            test_directory_remove(g_steal_pointer(&child));
        else
            g_unlink(child);
    }
    if (dir != NULL)
        g_dir_close(dir);
    g_rmdir(path);
    g_free(path);
}
