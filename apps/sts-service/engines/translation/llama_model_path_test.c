/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "llama_model_path.h"

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

static void make(struct fixture *fixture, const char *name, gssize bytes)
{
    char *path = g_build_filename(fixture->folder, name, NULL);
    g_assert_true(g_file_set_contents(path, "xxxxxxxxxx", bytes, NULL));
    g_ptr_array_add(fixture->files, path);
}

static void assert_path(const struct fixture *fixture, const char *model, const char *device,
                        const char *expected)
{
    struct engine_config config = {.model = model, .device = device, .model_cache_dir = fixture->folder};
    g_autofree char *path = llama_model_path(&config, NULL);
    g_autofree char *full = g_build_filename(fixture->folder, expected, NULL);
    g_assert_cmpstr(path, ==, full);
}

static void test_what_is_configured(struct fixture *fixture, gconstpointer user)
{
    make(fixture, "mine.gguf", 1);
    assert_path(fixture, "mine.gguf", NULL, "mine.gguf");
    assert_path(fixture, "mine", NULL, "mine.gguf");
    assert_path(fixture, "none", NULL, "none");
    struct engine_config config = {.model = "/opt/x.gguf", .model_cache_dir = fixture->folder};
    g_autofree char *path = llama_model_path(&config, NULL);
    g_assert_cmpstr(path, ==, "/opt/x.gguf");
}

static void test_the_best_for_the_device(struct fixture *fixture, gconstpointer user)
{
    make(fixture, "madlad400-3b-mt-q4_k_m.gguf", 3);
    assert_path(fixture, NULL, "auto", "madlad400-3b-mt-q4_k_m.gguf");
    make(fixture, "translategemma-4b-it.Q4_K_M.gguf", 4);
    make(fixture, "TranslateGemma-12b-it.Q4_K_M.gguf", 8);
    assert_path(fixture, NULL, "auto", "translategemma-4b-it.Q4_K_M.gguf");
    assert_path(fixture, "", "cpu", "translategemma-4b-it.Q4_K_M.gguf");
    assert_path(fixture, NULL, "cuda", "TranslateGemma-12b-it.Q4_K_M.gguf");
}

/* A chat model, half a download, the pictures' part of a model. */
static void test_what_is_no_model_for_translation(struct fixture *fixture, gconstpointer user)
{
    make(fixture, "qwen2.5-7b-instruct.gguf", 1);
    make(fixture, "madlad400-3b-mt-q4_k_m.gguf.part", 1);
    make(fixture, "translategemma-4b-it.mmproj-Q8_0.gguf", 1);
    struct engine_config config = {.model_cache_dir = fixture->folder};
    struct dub_error error = {0};
    g_assert_null(llama_model_path(&config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, fixture->folder));
    g_assert_nonnull(strstr(error.message, "STS_TRANSLATION_MODEL"));
    g_assert_null(llama_model_path(&(struct engine_config){0}, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/llama-model-path/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("what-is-configured", test_what_is_configured);
    ADD("the-best-for-the-device", test_the_best_for_the_device);
    ADD("what-is-no-model-for-translation", test_what_is_no_model_for_translation);
    return g_test_run();
}
