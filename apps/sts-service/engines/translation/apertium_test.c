/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modes, and the engine on pairs made of small shell scripts: one that echoes, one that dies, one that hangs.
 */
#include "../contract_support.h"
#include "apertium_modes.h"
#include "translation.h"
#include <glib/gstdio.h>
#include <string.h>

struct fixture {
    char *dir;
    GPtrArray *files;
};

static void put(struct fixture *fixture, const char *name, const char *content, mode_t mode)
{
    char *path = g_build_filename(fixture->dir, name, NULL);
    g_assert_true(g_file_set_contents(path, content, -1, NULL));
    g_assert_cmpint(g_chmod(path, mode), ==, 0);
    g_ptr_array_add(fixture->files, path);
}

/* A pair whose one program is the script. */
static void put_pair(struct fixture *fixture, const char *pair, const char *script)
{
    g_autofree char *mode_name = g_strconcat(pair, ".mode", NULL);
    g_autofree char *script_name = g_strconcat(pair, ".sh", NULL);
    g_autofree char *mode = g_strdup_printf("'%s/%s' $1 $2", fixture->dir, script_name);
    g_autofree char *text = g_strconcat("#!/bin/sh\n", script, "\n", NULL);
    put(fixture, script_name, text, 0700);
    put(fixture, mode_name, mode, 0600);
}

static void set_up(struct fixture *fixture, gconstpointer user)
{
    fixture->dir = g_dir_make_tmp("modes-XXXXXX", NULL);
    fixture->files = g_ptr_array_new_with_free_func(g_free);
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    for (guint i = 0; i < fixture->files->len; i++)
        g_unlink(fixture->files->pdata[i]);
    g_ptr_array_unref(fixture->files);
    g_rmdir(fixture->dir);
    g_free(fixture->dir);
}

static void test_a_mode_is_understood(void)
{
    struct apertium_mode *mode = apertium_mode_parse(
        "eng-spa", "lt-proc '/a b/x|y.bin' | apertium-tagger -g $2 'p' | lt-proc $1 'z'\n", NULL);
    g_assert_nonnull(mode);
    g_assert_cmpstr(mode->source, ==, "en");
    g_assert_cmpstr(mode->target, ==, "es");
    g_assert_cmpuint(mode->commands->len, ==, 3);
    const char *const expected[] = {"lt-proc -z /a b/x|y.bin", "apertium-tagger -z -g p", "lt-proc -z -g z"};
    for (guint i = 0; i < 3; i++) {
        g_autofree char *command = g_strjoinv(" ", mode->commands->pdata[i]);
        g_assert_cmpstr(command, ==, expected[i]);
    }
    apertium_mode_free(mode);
    apertium_mode_free(NULL);
}

static void test_what_is_no_mode(void)
{
    struct dub_error error = {0};
    g_assert_null(apertium_mode_parse("eng-spa-morph", "lt-proc x", &error));
    g_assert_null(apertium_mode_parse("nothing", "lt-proc x", &error));
    g_assert_null(apertium_mode_parse("eng-spa", "lt-proc 'unclosed", &error));
    g_assert_null(apertium_mode_parse("eng-spa", "lt-proc x | | lt-proc y", &error));
    g_assert_null(apertium_mode_parse("eng-spa", "", &error));
    g_autoptr(GString) many = g_string_new("a");
    for (int i = 0; i < 40; i++)
        g_string_append(many, "|a");
    g_assert_null(apertium_mode_parse("eng-spa", many->str, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
}

static void assert_found(const GPtrArray *modes, const char *source, const char *target, const char *expected)
{
    int index = apertium_modes_find(modes, source, target);
    const struct apertium_mode *mode = index < 0 ? NULL : modes->pdata[index];
    g_assert_cmpstr(mode ? mode->name : NULL, ==, expected);
}

static void test_a_directory_of_modes(struct fixture *fixture, gconstpointer user)
{
    put(fixture, "spa-eng_US.mode", "variant", 0600);
    put(fixture, "spa-eng.mode", "plain", 0600);
    put(fixture, "oci_aran-cat_valencia.mode", "variants on both sides", 0600);
    put(fixture, "eng-por_BR.mode", "only variants", 0600);
    put(fixture, "eng-por_PT.mode", "only variants", 0600);
    put(fixture, "eng-spa-morph.mode", "debugging", 0600);
    put(fixture, "README", "no mode", 0600);
    g_autoptr(GPtrArray) modes = apertium_modes_read(fixture->dir);
    g_assert_cmpuint(modes->len, ==, 5);
    assert_found(modes, "es", "en", "spa-eng");
    assert_found(modes, "es-MX", "en-GB", "spa-eng");
    assert_found(modes, "es", "en-US", "spa-eng_US");
    assert_found(modes, "es-MX", "EN_us", "spa-eng_US");
    assert_found(modes, "en", "pt-PT", "eng-por_PT");
    assert_found(modes, "en", "pt", "eng-por_BR");
    assert_found(modes, "oc", "ca", "oci_aran-cat_valencia");
    assert_found(modes, "en", "es", NULL);
    assert_found(modes, "", "es", NULL);
    g_autoptr(GPtrArray) none = apertium_modes_read("/no/such/directory");
    g_assert_cmpuint(none->len, ==, 0);
}

/* The pair is offered once, whatever its variants. */
static void test_variants_are_one_pair(struct fixture *fixture, gconstpointer user)
{
    put(fixture, "spa-eng_US.mode", "cat", 0600);
    put(fixture, "spa-eng.mode", "cat", 0600);
    struct engine_config config = {.model = fixture->dir};
    struct translation *translation = translation_open("apertium", &config, NULL);
    struct engine_info info = {0};
    g_assert_nonnull(translation);
    translation_describe(translation, &info);
    g_assert_cmpstr(info.model, ==, "spa-eng spa-eng_US");
    g_assert_cmpuint(g_strv_length(info.languages), ==, 1);
    g_assert_cmpstr(info.languages[0], ==, "es-en");
    g_assert_cmpuint(g_strv_length(info.models), ==, 2);
    static const struct {
        const char *source, *target, *used;
    } cases[] = {
        {"es", "en", "apertium spa-eng"}, {"es-MX", "en-US", "apertium spa-eng_US"}, {"es-MX", "es", "none"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *used = translation_used(translation, cases[i].source, cases[i].target);
        g_assert_cmpstr(used, ==, cases[i].used);
    }
    engine_info_clear(&info);
    translation_close(translation);
}

static struct translation *open_engine(const struct fixture *fixture)
{
    struct engine_config config = {.model = fixture->dir, .workers = 4};
    struct dub_error error = {0};
    struct translation *translation = translation_open("apertium", &config, &error);
    g_assert_cmpstr(error.message, ==, "");
    return translation;
}

static bool translate(struct translation *translation, const char *target, int64_t deadline_ms, char **text,
                      struct dub_error *error)
{
    struct translation_request request = {
        .text = "Hello.", .source_language = "en", .target_language = target};
    struct translation_result result = {0};
    request.call.deadline_ns = contract_deadline_ns(deadline_ms);
    bool done = translation_translate(translation, &request, &result, error);
    *text = g_steal_pointer(&result.text);
    return done;
}

static void test_a_pipeline_that_dies_now_and_then(struct fixture *fixture, gconstpointer user)
{
    /* Answers once and ends: the second phrase finds it dead and gets a new one. */
    put_pair(fixture, "eng-fra", "exec head -z -n 1");
    struct translation *translation = open_engine(fixture);
    for (int i = 0; i < 3; i++) {
        g_autofree char *text = NULL;
        g_assert_true(translate(translation, "fr", 10000, &text, NULL));
        g_assert_cmpstr(text, ==, "Hello.");
    }
    translation_close(translation);
}

static void test_a_pipeline_that_always_dies(struct fixture *fixture, gconstpointer user)
{
    put_pair(fixture, "eng-fra", "exit 1");
    struct translation *translation = open_engine(fixture);
    struct dub_error error = {0};
    g_autofree char *text = NULL;
    g_assert_false(translate(translation, "fr", 10000, &text, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_MODEL_ERROR);
    g_assert_true(error.retryable);
    g_assert_nonnull(strstr(error.message, "eng-fra"));
    translation_close(translation);
}

static void test_a_hanging_pair_harms_no_other(struct fixture *fixture, gconstpointer user)
{
    put_pair(fixture, "eng-deu", "exec sleep 100");
    put_pair(fixture, "eng-fra", "exec cat");
    struct translation *translation = open_engine(fixture);
    for (int i = 0; i < 3; i++) {
        struct dub_error error = {0};
        g_autofree char *hanging = NULL;
        g_autofree char *text = NULL;
        g_assert_false(translate(translation, "de", 30, &hanging, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
        g_assert_true(translate(translation, "fr", 10000, &text, NULL));
        g_assert_cmpstr(text, ==, "Hello.");
    }
    translation_close(translation);
}

struct waiting {
    struct translation *translation;
    const char *target;
    int64_t deadline_ms;
    enum dub_error_code code;
};

static gpointer wait_in_thread(gpointer user)
{
    struct waiting *waiting = user;
    struct dub_error error = {0};
    g_autofree char *text = NULL;
    translate(waiting->translation, waiting->target, waiting->deadline_ms, &text, &error);
    waiting->code = error.code;
    return NULL;
}

/* More callers than pipelines: those that wait for their turn keep their deadlines too. */
static void test_waiting_for_a_turn_has_a_deadline(struct fixture *fixture, gconstpointer user)
{
    put_pair(fixture, "eng-deu", "exec sleep 100");
    struct translation *translation = open_engine(fixture);
    struct waiting waiting[4];
    GThread *threads[4];
    int64_t start_ms = contract_now_ms();
    for (int i = 0; i < 4; i++) {
        waiting[i] = (struct waiting){.translation = translation, .target = "de", .deadline_ms = 100};
        threads[i] = g_thread_new("waiting", wait_in_thread, &waiting[i]);
    }
    for (int i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
        g_assert_cmpint(waiting[i].code, ==, DUB_ERROR_TIMEOUT);
    }
    g_assert_cmpint(contract_now_ms() - start_ms, <, 100 + 2 * CONTRACT_LATE_MS);
    translation_close(translation);
}

static void test_a_missing_program_is_named(struct fixture *fixture, gconstpointer user)
{
    put(fixture, "eng-spa.mode", "lt-proc-that-nobody-has x", 0600);
    struct engine_config config = {.model = fixture->dir};
    struct dub_error error = {0};
    g_assert_null(translation_open("apertium", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, "lt-proc-that-nobody-has"));
}

static void add(const char *path, void (*test)(struct fixture *, gconstpointer))
{
    g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apertium/a-mode-is-understood", test_a_mode_is_understood);
    g_test_add_func("/apertium/what-is-no-mode", test_what_is_no_mode);
    add("/apertium/a-directory-of-modes", test_a_directory_of_modes);
    add("/apertium/variants-are-one-pair", test_variants_are_one_pair);
    add("/apertium/a-pipeline-that-dies-now-and-then", test_a_pipeline_that_dies_now_and_then);
    add("/apertium/a-pipeline-that-always-dies", test_a_pipeline_that_always_dies);
    add("/apertium/a-hanging-pair-harms-no-other", test_a_hanging_pair_harms_no_other);
    add("/apertium/waiting-for-a-turn-has-a-deadline", test_waiting_for_a_turn_has_a_deadline);
    add("/apertium/a-missing-program-is-named", test_a_missing_program_is_named);
    return g_test_run();
}
