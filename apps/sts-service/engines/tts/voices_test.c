/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voices.h"

#include <glib/gstdio.h>
#include <string.h>

#define VOICE(language, engine) "{\"language\":\"" language "\",\"engine\":\"" engine "\",\"model\":\"m\"}"

static const char *const sample =
    "{\"voices\":{"
    "\"uno\":{\"language\":\"es-MX\",\"engine\":\"espeak-ng\",\"model\":\"es-419\",\"speaker\":\"f3\","
    "\"words_per_minute\":160,\"pitch\":40,\"pitch_range\":60,\"future\":true},"
    "\"dos\":" VOICE("es", "espeak-ng") ",\"tres\":" VOICE("es", "piper") ",\"one\":" VOICE(
        "en", "espeak-ng") "},\"defaults\":{\"es\":[\"tres\",\"dos\"]}}";

static struct voices *parse(const char *text, struct dub_error *error)
{
    return voices_parse(text, strlen(text), error);
}

static void assert_found(const struct voices *voices, const char *profile, const char *language,
                         const char *engine, const char *expected)
{
    const struct voice *voice = voices_find(voices, profile, language, engine);
    g_assert_cmpstr(voice ? voice->profile : NULL, ==, expected);
}

static void test_profiles_are_found(void)
{
    struct voices *voices = parse(sample, NULL);
    assert_found(voices, "uno", "es", "espeak-ng", "uno");
    assert_found(voices, "uno", "es-ES", "espeak-ng", "uno");
    const struct voice *voice = voices_find(voices, "uno", "es", "espeak-ng");
    g_assert_cmpstr(voice->speaker, ==, "f3");
    g_assert_cmpint(voice->words_per_minute, ==, 160);
    g_assert_cmpint(voice->pitch, ==, 40);
    voices_free(voices);
}

static void test_defaults_by_language_and_engine(void)
{
    struct voices *voices = parse(sample, NULL);
    assert_found(voices, "default", "es", "espeak-ng", "dos");
    assert_found(voices, NULL, "es", "piper", "tres");
    assert_found(voices, "nobody", "es", "espeak-ng", "dos");
    assert_found(voices, "one", "es", "espeak-ng", "dos");
    assert_found(voices, NULL, "en", "espeak-ng", "one");
    assert_found(voices, NULL, "fr", "espeak-ng", NULL);
    assert_found(voices, NULL, NULL, "espeak-ng", NULL);
    voices_free(voices);
}

static void test_names(void)
{
    struct voices *voices = parse(sample, NULL);
    g_assert_nonnull(voices_by_name(voices, "tres"));
    g_assert_null(voices_by_name(voices, "nobody"));
    g_assert_null(voices_by_name(voices, NULL));
    g_auto(GStrv) profiles = voices_profiles(voices, "espeak-ng");
    g_autofree char *joined = g_strjoinv(" ", profiles);
    g_assert_cmpstr(joined, ==, "uno dos one");
    voices_free(voices);
    voices_free(NULL);
}

static void assert_refused(const char *text, const char *message)
{
    struct dub_error error = {0};
    g_assert_null(parse(text, &error));
    g_assert_nonnull(strstr(error.message, message));
}

static void test_problems_are_named(void)
{
    assert_refused("", "");
    assert_refused("[]", "");
    assert_refused("{}", "voices");
    assert_refused("{\"voices\":{\"x\":{\"engine\":\"e\",\"model\":\"m\"}}}", "language");
    assert_refused("{\"voices\":{\"x\":{\"language\":\"es\",\"model\":\"m\"}}}", "voice \"x\"");
    assert_refused("{\"voices\":{\"x\":" VOICE("!", "e") "}}", "no language code");
    assert_refused(
        "{\"voices\":{\"x\":{\"language\":\"es\",\"engine\":\"e\",\"model\":\"m\",\"pitch\":200}}}", "pitch");
    assert_refused("{\"voices\":{},\"defaults\":{\"es\":\"ghost\"}}", "ghost");
    assert_refused("{\"voices\":{},\"defaults\":{\"es\":7}}", "es");
    assert_refused("{\"voices\":{},\"defaults\":{\"?\":\"x\"}}", "no language code");
    assert_refused("{\"voices\":{\"default\":" VOICE("es", "e") "}}", "the name is taken");
    assert_refused("{\"voices\":{\"\":" VOICE("es", "e") "}}", "1 to 64 bytes");
    assert_refused("{\"voices\":{\"x\":7}}", "must be an object");
    assert_refused("{\"voices\":{\"x\":" VOICE("es", "") "}}", "engine: is empty");
    assert_refused("{\"voices\":{\"x\":" VOICE("es", "e") "},\"defaults\":{\"en\":\"x\"}}",
                   "voice \"x\" speaks \"es\"");
}

/* Not only the first. */
static void test_every_problem_is_named(void)
{
    static const char *const text =
        "{\"voices\":{\"x\":{\"language\":\"!\",\"pitch\":200,\"model\":7},\"y\":[]},"
        "\"defaults\":{\"es\":\"ghost\"}}";
    static const char *const says[] = {"6 problems", "no language code", "engine", "model",
                                       "pitch",      "voice \"y\"",      "ghost"};
    struct dub_error error = {0};
    g_autofree char *dir = g_dir_make_tmp("voices-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "v", NULL);
    g_assert_null(parse(text, &error));
    for (gsize i = 0; i < G_N_ELEMENTS(says); i++)
        if (!strstr(error.message, says[i]))
            g_error("\"%s\" does not say \"%s\"", error.message, says[i]);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_null(voices_load(path, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "6 problems"));
    g_unlink(path);
    g_rmdir(dir);
}

/* 39 letters and one of two bytes: the fortieth byte is in its middle. */
#define LONG_NAME "aaaaaaaaaabbbbbbbbbbccccccccccddddddddd\xc3\xb1o"

static void test_shown_names_are_whole(void)
{
    static const char *const texts[] = {
        "{\"voices\":{\"" LONG_NAME "\":1}}",
        "{\"voices\":{\"" LONG_NAME LONG_NAME "\":" VOICE("es", "e") "}}",
        "{\"voices\":{},\"defaults\":{\"" LONG_NAME "\":\"x\"}}",
    };
    g_autofree char *dir = g_dir_make_tmp("voices-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "voices.json", NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
        g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
        g_assert_null(voices_read(path, problems));
        g_assert_cmpuint(problems->len, ==, 1);
        g_assert_true(g_utf8_validate(problems->pdata[0], -1, NULL));
        g_assert_nonnull(strstr(problems->pdata[0], "ddddddddd\""));
    }
    g_unlink(path);
    g_rmdir(dir);
}

static void test_too_many(void)
{
    g_autoptr(GString) text = g_string_new("{\"voices\":{");
    for (int i = 0; i < 300; i++)
        g_string_append_printf(text, "%s\"v%d\":" VOICE("es", "e"), i > 0 ? "," : "", i);
    g_string_append(text, "}}");
    assert_refused(text->str, "256");
}

static void test_files(void)
{
    struct dub_error error = {0};
    g_assert_null(voices_load("/no/such/voices.json", &error));
    g_assert_nonnull(strstr(error.message, "/no/such/voices.json"));
    g_autofree char *dir = g_dir_make_tmp("voices-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "voices.json", NULL);
    g_assert_true(g_file_set_contents(path, "{", -1, NULL));
    g_assert_null(voices_load(path, &error));
    g_assert_nonnull(strstr(error.message, path));
    g_assert_true(g_file_set_contents(path, "", -1, NULL));
    g_assert_null(voices_load(path, &error));
    g_unlink(path);
    g_rmdir(dir);
}

static void test_the_shipped_file(void)
{
    struct dub_error error = {0};
    struct voices *voices = voices_load(g_getenv("STS_TEST_VOICES"), &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_nonnull(voices_find(voices, "default", "es", "espeak-ng"));
    g_assert_nonnull(voices_find(voices, "default", "en", "espeak-ng"));
    voices_free(voices);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/voices/profiles-are-found", test_profiles_are_found);
    g_test_add_func("/voices/defaults-by-language-and-engine", test_defaults_by_language_and_engine);
    g_test_add_func("/voices/names", test_names);
    g_test_add_func("/voices/problems-are-named", test_problems_are_named);
    g_test_add_func("/voices/every-problem-is-named", test_every_problem_is_named);
    g_test_add_func("/voices/shown-names-are-whole", test_shown_names_are_whole);
    g_test_add_func("/voices/too-many", test_too_many);
    g_test_add_func("/voices/files", test_files);
    g_test_add_func("/voices/the-shipped-file", test_the_shipped_file);
    return g_test_run();
}
