/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A model directory made of dummies: present, missing and damaged parts. */
#include "sphinx_model.h"

#include "sphinx_test_support.h"
#include <glib/gstdio.h>
#include <string.h>

struct fixture {
    char *root;
    char *dir;
};

static const struct {
    const char *name;
    GByteArray *(*make)(void);
} parts[] = {{"en-us/mdef", mdef_file},
             {"en-us/means", gaussians_file},
             {"en-us/variances", gaussians_file},
             {"en-us/transition_matrices", transitions_file},
             {"en-us/mixture_weights", transitions_file},
             {"en-us/feat.params", NULL},
             {"en-us.lm.bin", trie_file},
             {"en-us.dict", NULL},
             {"en-us-phone.lm.bin", trie_file}};

static void put(const struct fixture *fixture, const char *name, const char *content, gsize size)
{
    g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
    g_assert_true(g_file_set_contents(path, content, (gssize)size, NULL));
}

static void put_part(const struct fixture *fixture, gsize index)
{
    g_autoptr(GByteArray) file = parts[index].make ? parts[index].make() : NULL;
    if (file)
        put(fixture, parts[index].name, (const char *)file->data, file->len);
    else
        put(fixture, parts[index].name, "a AH\n", 5);
}

static void set_up(struct fixture *fixture, gconstpointer user)
{
    fixture->root = g_dir_make_tmp("model-XXXXXX", NULL);
    fixture->dir = g_build_filename(fixture->root, "en-us", NULL);
    g_autofree char *acoustic = g_build_filename(fixture->dir, "en-us", NULL);
    g_assert_cmpint(g_mkdir_with_parents(acoustic, 0700), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        put_part(fixture, i);
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *acoustic = g_build_filename(fixture->dir, "en-us", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *path = g_build_filename(fixture->dir, parts[i].name, NULL);
        g_unlink(path);
    }
    g_rmdir(acoustic);
    g_rmdir(fixture->dir);
    g_rmdir(fixture->root);
    g_free(fixture->dir);
    g_free(fixture->root);
}

static void test_a_whole_model(struct fixture *fixture, gconstpointer user)
{
    struct sphinx_model model = {0};
    g_assert_true(sphinx_model_find(&model, fixture->dir, NULL));
    g_assert_cmpstr(model.name, ==, "en-us");
    g_assert_cmpstr(model.language, ==, "en");
    g_assert_true(g_str_has_suffix(model.language_model, "/en-us.lm.bin"));
    g_assert_true(g_str_has_suffix(model.acoustic_dir, "/en-us/en-us"));
    sphinx_model_clear(&model);
}

static void assert_refused(const struct fixture *fixture, const char *first, const char *second)
{
    struct sphinx_model model = {0};
    struct dub_error error = {0};
    g_assert_false(sphinx_model_find(&model, fixture->dir, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, first));
    g_assert_nonnull(strstr(error.message, second));
    g_assert_null(model.directory);
}

static void drop(const struct fixture *fixture, const char *name)
{
    g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

static void test_a_missing_dictionary(struct fixture *fixture, gconstpointer user)
{
    drop(fixture, "en-us.dict");
    assert_refused(fixture, "dictionary", fixture->dir);
}

static void test_a_missing_language_model(struct fixture *fixture, gconstpointer user)
{
    drop(fixture, "en-us.lm.bin");
    assert_refused(fixture, "language model", fixture->dir);
}

static void test_a_missing_acoustic_part(struct fixture *fixture, gconstpointer user)
{
    drop(fixture, "en-us/means");
    assert_refused(fixture, "en-us/means", "is missing");
    drop(fixture, "en-us/mdef");
    assert_refused(fixture, "acoustic model", fixture->dir);
}

static void test_missing_weights(struct fixture *fixture, gconstpointer user)
{
    g_autoptr(GByteArray) sendump = sendump_file(false);
    drop(fixture, "en-us/mixture_weights");
    assert_refused(fixture, "sendump or mixture_weights", "en-us/en-us");
    put(fixture, "en-us/sendump", (const char *)sendump->data, sendump->len - 1);
    assert_refused(fixture, "en-us/sendump", "cut short");
    put(fixture, "en-us/sendump", (const char *)sendump->data, sendump->len);
    struct sphinx_model model = {0};
    g_assert_true(sphinx_model_find(&model, fixture->dir, NULL));
    sphinx_model_clear(&model);
    drop(fixture, "en-us/sendump");
}

/* Each part by itself, and the whole again after it. */
static void test_a_half_downloaded_part(struct fixture *fixture, gconstpointer user)
{
    for (size_t i = 0; i + 1 < G_N_ELEMENTS(parts); i++) {
        g_autoptr(GByteArray) file = parts[i].make ? parts[i].make() : NULL;
        put(fixture, parts[i].name, file ? (const char *)file->data : "a A", file ? file->len / 2 : 3);
        assert_refused(fixture, parts[i].name, "is ");
        put_part(fixture, i);
    }
    test_a_whole_model(fixture, user);
}

static void test_a_part_that_is_something_else(struct fixture *fixture, gconstpointer user)
{
    put(fixture, "en-us/mdef", "<!DOCTYPE html>", 15);
    assert_refused(fixture, "en-us/mdef", "damaged");
}

static void test_a_language_from_the_name(struct fixture *fixture, gconstpointer user)
{
    struct sphinx_model model = {0};
    g_autofree char *moved = g_build_filename(fixture->root, "es-es", NULL);
    g_assert_cmpint(g_rename(fixture->dir, moved), ==, 0);
    g_assert_true(sphinx_model_find(&model, moved, NULL));
    g_assert_cmpstr(model.language, ==, "es");
    sphinx_model_clear(&model);
    g_assert_cmpint(g_rename(moved, fixture->dir), ==, 0);
}

static void test_options_of_its_own(struct fixture *fixture, gconstpointer user)
{
    struct sphinx_model model = {0};
    g_assert_true(sphinx_model_find(&model, fixture->dir, NULL));
    g_assert_null(model.decoder_params);
    sphinx_model_clear(&model);
    put(fixture, "decoder.params", "-lw 7\n", 6);
    g_assert_true(sphinx_model_find(&model, fixture->dir, NULL));
    g_assert_true(g_str_has_suffix(model.decoder_params, "/decoder.params"));
    sphinx_model_clear(&model);
    drop(fixture, "decoder.params");
}

static void add(const char *path, void (*test)(struct fixture *, gconstpointer))
{
    g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/sphinx-model/a-whole-model", test_a_whole_model);
    add("/sphinx-model/a-missing-dictionary", test_a_missing_dictionary);
    add("/sphinx-model/a-missing-language-model", test_a_missing_language_model);
    add("/sphinx-model/a-missing-acoustic-part", test_a_missing_acoustic_part);
    add("/sphinx-model/missing-weights", test_missing_weights);
    add("/sphinx-model/a-half-downloaded-part", test_a_half_downloaded_part);
    add("/sphinx-model/a-part-that-is-something-else", test_a_part_that_is_something_else);
    add("/sphinx-model/options-of-its-own", test_options_of_its_own);
    add("/sphinx-model/a-language-from-the-name", test_a_language_from_the_name);
    return g_test_run();
}
