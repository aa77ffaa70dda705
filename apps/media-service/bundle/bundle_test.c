/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bundle.h"

#include <dubbing_json.h>
#include <glib/gstdio.h>
#include <string.h>

struct fixture {
    char *root;
    struct bundle_store *store;
    GString *read;
};

static void set_up(struct fixture *fixture, const void *data)
{
    fixture->root = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
    fixture->store = bundle_store_new(fixture->root);
    fixture->read = g_string_new(NULL);
}

static void tear_down(struct fixture *fixture, const void *data)
{
    g_autofree char *command = g_strdup_printf("rm -rf %s", fixture->root);
    bundle_store_free(fixture->store);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_string_free(fixture->read, TRUE);
    g_free(fixture->root);
}

static void collect(const char *line, void *user)
{
    g_string_append_printf(user, "%s|", line);
}

static void test_lines_come_back(struct fixture *fixture, const void *data)
{
    struct bundle *bundle = bundle_open(fixture->store, "demo", "r1");
    bundle_append_line(bundle, "{\"a\":1}");
    bundle_append_line(bundle, "{\"a\":2}");
    bundle_close(bundle);
    bundle = bundle_open(fixture->store, "demo", "r1");
    bundle_append_line(bundle, "{\"a\":3}");
    bundle_read_lines(bundle, 2, collect, fixture->read);
    g_assert_cmpstr(fixture->read->str, ==, "{\"a\":3}|");
    g_string_truncate(fixture->read, 0);
    bundle_read_lines(bundle, 10, collect, fixture->read);
    g_assert_cmpstr(fixture->read->str, ==, "{\"a\":1}|{\"a\":2}|{\"a\":3}|");
    bundle_close(bundle);
}

/* As after a crash in the middle of a line. */
static void test_cut_line_does_not_spoil_the_next(struct fixture *fixture, const void *data)
{
    g_autofree char *path = g_build_filename(fixture->root, "r1", "ledger.ndjson", NULL);
    bundle_close(bundle_open(fixture->store, "demo", "r1"));
    g_assert_true(g_file_set_contents(path, "{\"a\":1}\n{\"a", -1, NULL));
    struct bundle *bundle = bundle_open(fixture->store, "demo", "r1");
    bundle_append_line(bundle, "{\"a\":2}");
    bundle_read_lines(bundle, 10, collect, fixture->read);
    g_assert_cmpstr(fixture->read->str, ==, "{\"a\":1}|{\"a|{\"a\":2}|");
    bundle_close(bundle);
}

static void test_last_manifest_is_on_disk(struct fixture *fixture, const void *data)
{
    struct bundle *bundle = bundle_open(fixture->store, "demo", "r1");
    for (int i = 0; i < 5; i++) {
        JsonObject *manifest = json_object_new();
        json_object_set_int_member(manifest, "i", i);
        bundle_write_manifest(bundle, manifest);
    }
    bundle_close(bundle);
    g_clear_pointer(&fixture->store, bundle_store_free);
    g_autofree char *path = g_build_filename(fixture->root, "r1", "manifest.json", NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "{\"i\":4,\"streamId\":\"demo\",\"runId\":\"r1\"}");
}

static void test_unwritable_root_is_said_once_and_harmless(void)
{
    if (g_test_subprocess()) {
        struct bundle_store *store = bundle_store_new("/proc/nonexistent");
        struct bundle *bundle = bundle_open(store, "demo", "r1");
        bundle_write_manifest(bundle, json_object_new());
        bundle_append_line(bundle, "{}");
        bundle_read_lines(bundle, 1, NULL, NULL);
        bundle_close(bundle);
        bundle_close(NULL);
        bundle_store_free(store);
        bundle_store_free(NULL);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*the run bundle is incomplete*");
    g_test_trap_assert_stderr_unmatched("*incomplete*incomplete*");
}

#define ADD(name, function) g_test_add("/bundle/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("lines-come-back", test_lines_come_back);
    ADD("cut-line-does-not-spoil-the-next", test_cut_line_does_not_spoil_the_next);
    ADD("last-manifest-is-on-disk", test_last_manifest_is_on_disk);
    g_test_add_func("/bundle/unwritable-root-is-said-once-and-harmless",
                    test_unwritable_root_is_said_once_and_harmless);
    return g_test_run();
}
