/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

/* "abc" is the first example of FIPS 180-2. */
static const struct model_entry manifest[] = {
    {"one", "one.bin", "asr", "whisper", "*", "cpu", 3,
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "MIT",
     "https://example.org/one.bin"},
    {"two", "two.bin", "tts", "piper", "es", "any", 2, NULL, "CC0-1.0", "https://example.org/two.bin"},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL},
};

struct fixture {
    char *folder;
    GString *out, *complaint;
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    fixture->folder = g_dir_make_tmp("sts-models-XXXXXX", NULL);
    fixture->out = g_string_new(NULL);
    fixture->complaint = g_string_new(NULL);
}

static void write_file(const struct fixture *fixture, const char *name, const char *content)
{
    g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
    if (content)
        g_assert_true(g_file_set_contents(path, content, -1, NULL));
    else
        g_unlink(path);
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    write_file(fixture, "one.bin", NULL);
    write_file(fixture, "two.bin", NULL);
    g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
    g_free(fixture->folder);
    g_string_free(fixture->out, TRUE);
    g_string_free(fixture->complaint, TRUE);
}

static int run(struct fixture *fixture, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_string_truncate(fixture->out, 0);
    g_string_truncate(fixture->complaint, 0);
    return models_command(manifest, fixture->folder, *line ? (int)g_strv_length(words) : 0, words,
                          fixture->out, fixture->complaint);
}

static void test_the_state_of_a_file(struct fixture *fixture, gconstpointer user)
{
    g_assert_cmpint(model_state_of(&manifest[0], fixture->folder, false), ==, MODEL_ABSENT);
    write_file(fixture, "one.bin", "ab");
    g_assert_cmpint(model_state_of(&manifest[0], fixture->folder, true), ==, MODEL_SPOILT);
    write_file(fixture, "one.bin", "abd");
    g_assert_cmpint(model_state_of(&manifest[0], fixture->folder, true), ==, MODEL_WHOLE);
    g_assert_cmpint(model_state_of(&manifest[0], fixture->folder, false), ==, MODEL_SPOILT);
    write_file(fixture, "one.bin", "abc");
    g_assert_cmpint(model_state_of(&manifest[0], fixture->folder, false), ==, MODEL_WHOLE);
}

static void test_list(struct fixture *fixture, gconstpointer user)
{
    write_file(fixture, "one.bin", "abc");
    write_file(fixture, "two.bin", "x");
    g_assert_cmpint(run(fixture, "list"), ==, 0);
    g_auto(GStrv) lines = g_strsplit(fixture->out->str, "\n", -1);
    g_assert_true(g_str_has_prefix(lines[1], "one ") && g_str_has_suffix(lines[1], " here"));
    g_assert_true(g_str_has_prefix(lines[2], "two ") && g_str_has_suffix(lines[2], " spoilt"));
}

static void test_list_as_json(struct fixture *fixture, gconstpointer user)
{
    g_assert_cmpint(run(fixture, "list --json"), ==, 0);
    g_autoptr(JsonNode) root = json_from_string(fixture->out->str, NULL);
    g_assert_nonnull(root);
    JsonArray *all = json_node_get_array(root);
    g_assert_cmpuint(json_array_get_length(all), ==, 2);
    JsonObject *one = json_array_get_object_element(all, 0);
    g_assert_cmpstr(json_object_get_string_member(one, "sha256"), ==, manifest[0].sha256);
    g_assert_cmpint(json_object_get_int_member(one, "size_bytes"), ==, 3);
    g_assert_true(json_object_get_null_member(json_array_get_object_element(all, 1), "sha256"));
}

static void test_check(struct fixture *fixture, gconstpointer user)
{
    g_assert_cmpint(run(fixture, "check"), ==, 0);
    g_assert_nonnull(strstr(fixture->out->str, fixture->folder));
    write_file(fixture, "one.bin", "abc");
    g_assert_cmpint(run(fixture, "check"), ==, 0);
    g_assert_cmpstr(fixture->out->str, ==, "one.bin: whole\n");
    write_file(fixture, "one.bin", "abd");
    g_assert_cmpint(run(fixture, "check"), ==, 1);
    g_assert_nonnull(strstr(fixture->complaint->str, "one.bin"));
}

static void test_path(struct fixture *fixture, gconstpointer user)
{
    g_assert_cmpint(run(fixture, "path one"), ==, 1);
    g_assert_nonnull(strstr(fixture->complaint->str, "is not there"));
    write_file(fixture, "one.bin", "a");
    g_assert_cmpint(run(fixture, "path one"), ==, 1);
    g_assert_nonnull(strstr(fixture->complaint->str, "not whole"));
    write_file(fixture, "one.bin", "abc");
    g_assert_cmpint(run(fixture, "path one"), ==, 0);
    g_autofree char *expected = g_strdup_printf("%s/one.bin\n", fixture->folder);
    g_assert_cmpstr(fixture->out->str, ==, expected);
    g_assert_cmpint(run(fixture, "path three"), ==, 2);
    g_assert_nonnull(strstr(fixture->complaint->str, "three"));
}

static void test_what_is_not_understood(struct fixture *fixture, gconstpointer user)
{
    static const char *const lines[] = {"", "fetch", "list --yaml", "check one", "path", "path one two"};
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_assert_cmpint(run(fixture, lines[i]), ==, 2);
        g_assert_true(g_str_has_prefix(fixture->complaint->str, "usage: "));
        g_assert_cmpuint(fixture->out->len, ==, 0);
    }
}

/* Files of a name each, sizes and sums that can be. */
static void test_the_manifest(struct fixture *fixture, gconstpointer user)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (const struct model_entry *entry = model_manifest; entry->name; entry++) {
        g_assert_true(g_hash_table_add(seen, (char *)entry->name));
        g_assert_true(g_hash_table_add(seen, (char *)entry->file));
        g_assert_true(strchr(entry->file, '/') == NULL);
        g_assert_true(g_str_has_prefix(entry->address, "https://"));
        g_assert_true(g_str_has_suffix(entry->address, entry->file));
        g_assert_cmpint(entry->size_bytes, >, 0);
        g_assert_true(!entry->sha256 || strspn(entry->sha256, "0123456789abcdef") == 64);
        g_assert_true(*entry->licence != '\0' && *entry->languages != '\0');
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/models/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("the-state-of-a-file", test_the_state_of_a_file);
    ADD("list", test_list);
    ADD("list-as-json", test_list_as_json);
    ADD("check", test_check);
    ADD("path", test_path);
    ADD("what-is-not-understood", test_what_is_not_understood);
    ADD("the-manifest", test_the_manifest);
    return g_test_run();
}
