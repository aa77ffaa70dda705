/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of this folder share: a root for bundles, files in it, and what they look like afterwards.
 */
#pragma once

#include <dubbing_json.h>
#include <dubbing_ledger.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <test_disk.h>
#include <utime.h>

#define TEST_RUN "20260102T030405.678Z-4f9a1c2e"
#define TEST_FRAGMENT "123e4567-e89b-42d3-a456-426614174000"
#define TEST_WAV "audio/000001-" TEST_FRAGMENT ".in.wav"

struct bundle_fixture {
    char *root;
};

static inline void bundle_set_up(struct bundle_fixture *fixture, const void *data)
{
    fixture->root = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
    g_assert_nonnull(fixture->root);
}

static inline void bundle_remove_tree(const char *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        bundle_remove_tree(child);
    }
    if (dir != NULL)
        g_dir_close(dir);
    g_remove(path);
}

static inline void bundle_tear_down(struct bundle_fixture *fixture, const void *data)
{
    bundle_remove_tree(fixture->root);
    g_free(fixture->root);
}

static inline char *bundle_path(const struct bundle_fixture *fixture, const char *run_id, const char *name)
{
    return g_build_filename(fixture->root, run_id, name, NULL);
}

static inline bool bundle_has(const struct bundle_fixture *fixture, const char *run_id, const char *name)
{
    g_autofree char *path = bundle_path(fixture, run_id, name);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* size -1: as a text. */
static inline void bundle_put(const struct bundle_fixture *fixture, const char *run_id, const char *name,
                              const void *data, gssize size)
{
    g_autofree char *path = bundle_path(fixture, run_id, name);
    g_autofree char *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, data, size, NULL));
}

/* "RIFF", the size of the rest, "WAVE", and something. */
static inline void bundle_put_wav(const struct bundle_fixture *fixture, const char *run_id, const char *name)
{
    static const char wav[] = "RIFF\x0c\0\0\0WAVEsomething";
    bundle_put(fixture, run_id, name, wav, 20);
}

static inline char *bundle_line(int seq)
{
    struct dub_ledger_line line = {
        .seq = seq, .state = DUB_PHRASE_DUBBED, .fragment_id = (char *)TEST_FRAGMENT};
    g_autoptr(JsonNode) node = dub_ledger_line_to_json(&line);
    return dub_json_to_string(node);
}

/* Lines first to last with their ends. */
static inline char *bundle_lines(int first, int last)
{
    GString *text = g_string_new(NULL);
    for (int i = first; i <= last; i++) {
        g_autofree char *line = bundle_line(i);
        g_string_append_printf(text, "%s\n", line);
    }
    return g_string_free(text, FALSE);
}

/* "" when it is not there. */
static inline char *bundle_read(const struct bundle_fixture *fixture, const char *run_id, const char *name)
{
    g_autofree char *path = bundle_path(fixture, run_id, name);
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

/* NULL when there is none that can be read. */
static inline JsonObject *bundle_manifest(const struct bundle_fixture *fixture, const char *run_id)
{
    g_autofree char *text = bundle_read(fixture, run_id, "manifest.json");
    g_autoptr(JsonNode) node = dub_json_parse(text, strlen(text), NULL);
    return node != NULL ? json_node_dup_object(node) : NULL;
}

/* What the manifest says of each file is so, and it names these: "a b c". */
static inline void bundle_assert_files(const struct bundle_fixture *fixture, const char *run_id,
                                       const char *expected)
{
    g_autoptr(JsonObject) manifest = bundle_manifest(fixture, run_id);
    g_autoptr(GString) names = g_string_new(NULL);
    g_assert_nonnull(manifest);
    JsonArray *files = json_object_get_array_member(manifest, "files");
    for (guint i = 0; i < json_array_get_length(files); i++) {
        JsonObject *file = json_array_get_object_element(files, i);
        const char *name = json_object_get_string_member(file, "path");
        g_autofree char *path = bundle_path(fixture, run_id, name);
        g_autofree char *data = NULL;
        gsize size = 0;
        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)data, size);
        g_assert_cmpint(json_object_get_int_member(file, "bytes"), ==, (gint64)size);
        g_assert_cmpstr(json_object_get_string_member(file, "sha256"), ==, sum);
        g_string_append_printf(names, "%s%s", names->len > 0 ? " " : "", name);
    }
    g_assert_cmpstr(names->str, ==, expected);
}

static inline void bundle_assert_member(const struct bundle_fixture *fixture, const char *run_id,
                                        const char *name, const char *value)
{
    g_autoptr(JsonObject) manifest = bundle_manifest(fixture, run_id);
    g_assert_nonnull(manifest);
    g_assert_cmpstr(json_object_get_string_member_with_default(manifest, name, NULL), ==, value);
}
