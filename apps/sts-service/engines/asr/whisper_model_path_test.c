/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "whisper_model_path.h"

#include <glib/gstdio.h>
#include <string.h>

struct fixture {
    char *folder;
    GPtrArray *files;
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    fixture->folder = g_dir_make_tmp("sts-models-XXXXXX", NULL);
    fixture->files = g_ptr_array_new_with_free_func(g_free);
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    for (guint i = 0; i < fixture->files->len; i++)
        g_unlink(fixture->files->pdata[i]);
    g_rmdir(fixture->folder);
    g_ptr_array_unref(fixture->files);
    g_free(fixture->folder);
}

static void make(struct fixture *fixture, const char *name)
{
    char *path = g_build_filename(fixture->folder, name, NULL);
    g_assert_true(g_file_set_contents(path, "x", 1, NULL));
    g_ptr_array_add(fixture->files, path);
}

static void assert_path(const struct fixture *fixture, const char *model, const char *device,
                        const char *expected)
{
    struct engine_config config = {.model = model, .device = device, .model_cache_dir = fixture->folder};
    g_autofree char *path = whisper_model_path(&config, NULL);
    g_autofree char *full = g_build_filename(fixture->folder, expected, NULL);
    g_assert_cmpstr(path, ==, full);
}

static void test_what_is_configured(struct fixture *fixture, gconstpointer user)
{
    make(fixture, "ggml-base.bin");
    make(fixture, "mine.bin");
    assert_path(fixture, "mine.bin", NULL, "mine.bin");
    assert_path(fixture, "base", NULL, "ggml-base.bin");
    assert_path(fixture, "none", NULL, "none");
    struct engine_config config = {.model = "/opt/x.bin", .model_cache_dir = fixture->folder};
    g_autofree char *path = whisper_model_path(&config, NULL);
    g_assert_cmpstr(path, ==, "/opt/x.bin");
}

static void test_the_best_for_the_device(struct fixture *fixture, gconstpointer user)
{
    make(fixture, "ggml-tiny.bin");
    assert_path(fixture, NULL, "auto", "ggml-tiny.bin");
    make(fixture, "ggml-small.bin");
    make(fixture, "ggml-large-v3-turbo.bin");
    assert_path(fixture, NULL, "auto", "ggml-small.bin");
    assert_path(fixture, "", "cpu", "ggml-small.bin");
    assert_path(fixture, NULL, "cuda", "ggml-large-v3-turbo.bin");
}

static void test_none_says_what_to_do(struct fixture *fixture, gconstpointer user)
{
    struct engine_config config = {.model_cache_dir = fixture->folder};
    struct dub_error error = {0};
    g_assert_null(whisper_model_path(&config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, fixture->folder));
    g_assert_nonnull(strstr(error.message, "STS_ASR_MODEL"));
}

static void test_the_newest_voice_model(struct fixture *fixture, gconstpointer user)
{
    struct engine_config config = {.model_cache_dir = fixture->folder};
    g_assert_null(whisper_voice_path(&config, "/nowhere/ggml-base.bin"));
    make(fixture, "ggml-silero-v6.2.0.bin");
    make(fixture, "ggml-silero-v5.1.2.bin");
    make(fixture, "ggml-silero-v7.0.0.bin.part");
    g_autofree char *path = whisper_voice_path(&config, "/nowhere/ggml-base.bin");
    g_autofree char *expected = g_build_filename(fixture->folder, "ggml-silero-v6.2.0.bin", NULL);
    g_assert_cmpstr(path, ==, expected);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/whisper-model-path/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("what-is-configured", test_what_is_configured);
    ADD("the-best-for-the-device", test_the_best_for_the_device);
    ADD("none-says-what-to-do", test_none_says_what_to_do);
    ADD("the-newest-voice-model", test_the_newest_voice_model);
    return g_test_run();
}
