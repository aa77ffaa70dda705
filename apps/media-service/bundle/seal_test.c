/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "seal.h"

#include "bundle_test_support.h"
#include "run_folder.h"

#include <errno.h>

static JsonObject *facts(enum run_status status)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "runId", TEST_RUN);
    json_object_set_string_member(object, "streamId", "demo");
    json_object_set_string_member(object, "status", run_status_name(status));
    return object;
}

static char *folder_of(const struct bundle_fixture *fixture)
{
    return g_build_filename(fixture->root, TEST_RUN, NULL);
}

static bool seal(const struct bundle_fixture *fixture, enum run_status status, struct dub_error *error)
{
    g_autofree char *folder = folder_of(fixture);
    g_autoptr(JsonObject) object = facts(status);
    return seal_run(folder, object, NULL, error);
}

static bool is_intact(const struct bundle_fixture *fixture)
{
    g_autofree char *folder = folder_of(fixture);
    return seal_is_intact(folder);
}

static void put_run(const struct bundle_fixture *fixture)
{
    g_autofree char *lines = bundle_lines(1, 3);
    bundle_put(fixture, TEST_RUN, RUN_LEDGER, lines, -1);
    bundle_put_wav(fixture, TEST_RUN, TEST_WAV);
}

/* As the program before has left it. */
static void put_manifest(const struct bundle_fixture *fixture, enum run_status status)
{
    g_autofree char *text = dub_json_object_to_string_take(facts(status));
    bundle_put(fixture, TEST_RUN, RUN_MANIFEST, text, -1);
}

static bool seal_left(const struct bundle_fixture *fixture)
{
    g_autofree char *folder = folder_of(fixture);
    return seal_leftover(folder, NULL, NULL);
}

static void test_every_file_is_listed(struct bundle_fixture *fixture, const void *data)
{
    put_run(fixture);
    bundle_put_wav(fixture, TEST_RUN, "audio/000001-" TEST_FRAGMENT ".out.wav");
    bundle_put_wav(fixture, TEST_RUN, "audio/000001-" TEST_FRAGMENT ".late.wav");
    g_assert_true(seal(fixture, RUN_CLOSING, NULL));
    bundle_assert_files(fixture, TEST_RUN,
                        TEST_WAV " audio/000001-" TEST_FRAGMENT ".late.wav audio/000001-" TEST_FRAGMENT
                                 ".out.wav ledger.ndjson");
    bundle_assert_member(fixture, TEST_RUN, "status", "complete");
    bundle_assert_member(fixture, TEST_RUN, "streamId", "demo");
    g_autoptr(JsonObject) manifest = bundle_manifest(fixture, TEST_RUN);
    JsonArray *files = json_object_get_array_member(manifest, "files");
    JsonObject *in = json_array_get_object_element(files, 0), *late = json_array_get_object_element(files, 1),
               *out = json_array_get_object_element(files, 2);
    g_assert_cmpstr(json_object_get_string_member(in, "fragmentId"), ==, TEST_FRAGMENT);
    g_assert_cmpstr(json_object_get_string_member(in, "direction"), ==, "in");
    g_assert_cmpstr(json_object_get_string_member(late, "direction"), ==, "late");
    g_assert_cmpstr(json_object_get_string_member(out, "direction"), ==, "out");
    g_assert_cmpint(json_object_get_int_member(manifest, "ledgerLines"), ==, 3);
    g_assert_true(is_intact(fixture));
}

static void test_what_is_damaged_goes(struct bundle_fixture *fixture, const void *data)
{
    put_run(fixture);
    bundle_put(fixture, TEST_RUN, "manifest.json.A1b2C3", "x", -1);
    bundle_put(fixture, TEST_RUN, "audio/000002-" TEST_FRAGMENT ".out.wav.A1b2C3", "x", -1);
    bundle_put(fixture, TEST_RUN, "audio/000002-" TEST_FRAGMENT ".in.wav", "RIFF\x40\0\0\0WAVE", 12);
    bundle_put(fixture, TEST_RUN, "audio/000003-" TEST_FRAGMENT ".in.wav", "", 0);
    bundle_put(fixture, TEST_RUN, "audio/000004-" TEST_FRAGMENT ".out.m4a", "", 0);
    bundle_put(fixture, TEST_RUN, "notes.txt", "of an operator", -1);
    g_assert_true(seal(fixture, RUN_CLOSING, NULL));
    bundle_assert_files(fixture, TEST_RUN, TEST_WAV " ledger.ndjson notes.txt");
    g_assert_false(bundle_has(fixture, TEST_RUN, "manifest.json.A1b2C3"));
    g_assert_false(bundle_has(fixture, TEST_RUN, "audio/000002-" TEST_FRAGMENT ".out.wav.A1b2C3"));
    g_assert_false(bundle_has(fixture, TEST_RUN, "audio/000003-" TEST_FRAGMENT ".in.wav"));
    g_autoptr(JsonObject) manifest = bundle_manifest(fixture, TEST_RUN);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(manifest, "removed")), ==, 3);
}

/* A crash while it ran: what is there becomes an interrupted run. */
static void test_a_run_that_was_cut_is_interrupted(struct bundle_fixture *fixture, const void *data)
{
    put_run(fixture);
    put_manifest(fixture, RUN_RUNNING);
    g_assert_false(is_intact(fixture));
    g_assert_true(seal_left(fixture));
    bundle_assert_member(fixture, TEST_RUN, "status", "interrupted");
    bundle_assert_member(fixture, TEST_RUN, "streamId", "demo");
    bundle_assert_files(fixture, TEST_RUN, TEST_WAV " ledger.ndjson");
    g_autoptr(JsonObject) manifest = bundle_manifest(fixture, TEST_RUN);
    g_assert_true(json_object_has_member(manifest, "endedAt"));
    g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(manifest, "phrases"), "dubbed"),
                    ==, 3);
    g_assert_true(is_intact(fixture));
}

/* A crash, or a stop that could not wait, between the end and the list of the files. */
static void test_a_run_that_had_ended_is_complete(struct bundle_fixture *fixture, const void *data)
{
    put_run(fixture);
    put_manifest(fixture, RUN_CLOSING);
    g_assert_true(seal_left(fixture));
    bundle_assert_member(fixture, TEST_RUN, "status", "complete");
    g_assert_true(is_intact(fixture));
}

static void test_a_manifest_that_is_none(struct bundle_fixture *fixture, const void *data)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{\"runId\":\"other\",\"status\":\"complete\",\"files\":[]}",
                                        "{\"runId\":\"" TEST_RUN "\",\"status\":\"complete\"}",
                                        "{\"runId\":\"" TEST_RUN "\",\"status\":7,\"files\":[]}"};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        put_run(fixture);
        bundle_put(fixture, TEST_RUN, RUN_MANIFEST, texts[i], -1);
        g_assert_false(is_intact(fixture));
        g_assert_true(seal_left(fixture));
        bundle_assert_files(fixture, TEST_RUN, TEST_WAV " ledger.ndjson");
        g_assert_true(is_intact(fixture));
    }
}

static void test_a_bundle_with_nothing_in_it_goes(struct bundle_fixture *fixture, const void *data)
{
    g_autofree char *folder = folder_of(fixture);
    bundle_put(fixture, TEST_RUN, RUN_LEDGER, "{\"cu", -1);
    bundle_put(fixture, TEST_RUN, "manifest.json.A1b2C3", "{", -1);
    g_assert_true(seal_left(fixture));
    g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
}

/* The disk has lost something of a bundle that was sealed. */
static void test_a_sealed_one_that_has_changed(struct bundle_fixture *fixture, const void *data)
{
    put_run(fixture);
    g_assert_true(seal(fixture, RUN_CLOSING, NULL));
    bundle_put(fixture, TEST_RUN, TEST_WAV, "RIFF\x0c\0\0\0WAVEsom", 15);
    g_assert_false(is_intact(fixture));
    g_assert_true(seal_left(fixture));
    bundle_assert_member(fixture, TEST_RUN, "status", "complete");
    bundle_assert_files(fixture, TEST_RUN, "ledger.ndjson");
    g_assert_true(is_intact(fixture));
}

static void test_who_is_in_a_hurry_seals_nothing(struct bundle_fixture *fixture, const void *data)
{
    static const int hurry = 1;
    struct dub_error error = {0};
    g_autofree char *folder = folder_of(fixture);
    g_autoptr(JsonObject) object = facts(RUN_CLOSING);
    put_run(fixture);
    put_manifest(fixture, RUN_CLOSING);
    g_assert_false(seal_run(folder, object, &hurry, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    bundle_assert_member(fixture, TEST_RUN, "status", "closing");
}

/* A full and a read-only disk leave the folder as it was. */
static void test_small_and_read_only_disk(struct bundle_fixture *fixture, const void *data)
{
    struct dub_error error = {0};
    if (!g_test_subprocess()) {
        test_disk_run_subprocess(fixture->root);
        return;
    }
    g_assert_true(test_disk_mount(fixture->root, "64k"));
    put_run(fixture);
    put_manifest(fixture, RUN_CLOSING);
    test_disk_fill(fixture->root);
    g_assert_false(seal(fixture, RUN_CLOSING, &error));
    g_assert_nonnull(strstr(error.message, g_strerror(ENOSPC)));
    bundle_assert_member(fixture, TEST_RUN, "status", "closing");
    test_disk_empty(fixture->root);
    g_assert_true(test_disk_set_read_only(fixture->root, true));
    g_assert_false(seal(fixture, RUN_CLOSING, &error));
    g_assert_nonnull(strstr(error.message, g_strerror(EROFS)));
    g_assert_true(test_disk_set_read_only(fixture->root, false));
    g_assert_true(seal(fixture, RUN_CLOSING, &error));
    bundle_assert_files(fixture, TEST_RUN, TEST_WAV " ledger.ndjson");
    g_assert_cmpint(umount(fixture->root), ==, 0);
}

#define ADD(name, function)                                                                                  \
    g_test_add("/seal/" name, struct bundle_fixture, NULL, bundle_set_up, function, bundle_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("every-file-is-listed", test_every_file_is_listed);
    ADD("what-is-damaged-goes", test_what_is_damaged_goes);
    ADD("a-run-that-was-cut-is-interrupted", test_a_run_that_was_cut_is_interrupted);
    ADD("a-run-that-had-ended-is-complete", test_a_run_that_had_ended_is_complete);
    ADD("a-manifest-that-is-none", test_a_manifest_that_is_none);
    ADD("a-bundle-with-nothing-in-it-goes", test_a_bundle_with_nothing_in_it_goes);
    ADD("a-sealed-one-that-has-changed", test_a_sealed_one_that_has_changed);
    ADD("who-is-in-a-hurry-seals-nothing", test_who_is_in_a_hurry_seals_nothing);
    ADD("small-and-read-only-disk", test_small_and_read_only_disk);
    return g_test_run();
}
