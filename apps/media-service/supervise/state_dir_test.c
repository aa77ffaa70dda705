/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_dir.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char *path;
    struct state_dir *dir;
};

static void set_up(struct fixture *fixture, const void *data)
{
    struct dub_error error = {0};
    fixture->path = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
    fixture->dir = state_dir_open(fixture->path, &error);
    g_assert_nonnull(fixture->dir);
}

static void tear_down(struct fixture *fixture, const void *data)
{
    g_autofree char *command = g_strdup_printf("rm -rf %s", fixture->path);
    state_dir_close(fixture->dir);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(fixture->path);
}

static void test_second_user_is_refused(struct fixture *fixture, const void *data)
{
    struct dub_error error = {0};
    g_assert_null(state_dir_open(fixture->path, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, "another media-service uses"));
    state_dir_close(g_steal_pointer(&fixture->dir));
    fixture->dir = state_dir_open(fixture->path, &error);
    g_assert_nonnull(fixture->dir);
}

static void test_records_are_kept(struct fixture *fixture, const void *data)
{
    JsonObject *record = json_object_new();
    json_object_set_string_member(record, "runId", "r1");
    g_assert_null(state_dir_load_stream(fixture->dir, "demo"));
    state_dir_save_stream(fixture->dir, "demo", record);
    g_autoptr(JsonObject) loaded = state_dir_load_stream(fixture->dir, "demo");
    g_assert_cmpstr(json_object_get_string_member(loaded, "runId"), ==, "r1");
    state_dir_remove_stream(fixture->dir, "demo");
    g_assert_null(state_dir_load_stream(fixture->dir, "demo"));
    state_dir_remove_stream(fixture->dir, "demo");
}

static void test_damaged_records_are_ignored(struct fixture *fixture, const void *data)
{
    static const char *const texts[] = {"", "{", "[]", "\xff", NULL};
    g_autofree char *path = g_build_filename(fixture->path, "streams", "demo.json", NULL);
    for (unsigned i = 0; texts[i] != NULL; i++) {
        g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
        g_assert_null(state_dir_load_stream(fixture->dir, "demo"));
    }
    g_autofree char *large = g_strnfill(100000, ' ');
    g_assert_true(g_file_set_contents(path, large, -1, NULL));
    g_assert_null(state_dir_load_stream(fixture->dir, "demo"));
}

static void test_sockets_are_listed(struct fixture *fixture, const void *data)
{
    static const char *const names[] = {"demo.sock", "bad id.sock", "note.txt", ".sock", NULL};
    for (unsigned i = 0; names[i] != NULL; i++) {
        g_autofree char *path = g_build_filename(fixture->path, "workers", names[i], NULL);
        g_assert_true(g_file_set_contents(path, "", 0, NULL));
    }
    g_autoptr(GPtrArray) ids = state_dir_list_sockets(fixture->dir);
    g_assert_cmpuint(ids->len, ==, 1);
    g_assert_cmpstr(ids->pdata[0], ==, "demo");
    g_autofree char *socket = state_dir_socket_path(fixture->dir, "demo");
    g_assert_true(g_str_has_prefix(socket, state_dir_path(fixture->dir)));
    g_assert_true(g_str_has_suffix(socket, "/workers/demo.sock"));
    g_assert_true(state_dir_is_writable(fixture->dir));
}

static void test_unusable_directories_are_named(void)
{
    struct dub_error error = {0};
    g_autofree char *base = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
    g_assert_null(state_dir_open("/proc/nonexistent", &error));
    g_assert_nonnull(strstr(error.message, "/proc/nonexistent"));
    g_autofree char *command = g_strdup_printf("rm -rf %s", base);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    state_dir_close(NULL);
}

#define ADD(name, function) g_test_add("/state-dir/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("second-user-is-refused", test_second_user_is_refused);
    ADD("records-are-kept", test_records_are_kept);
    ADD("damaged-records-are-ignored", test_damaged_records_are_ignored);
    ADD("sockets-are-listed", test_sockets_are_listed);
    g_test_add_func("/state-dir/unusable-directories-are-named", test_unusable_directories_are_named);
    return g_test_run();
}
