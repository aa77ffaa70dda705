/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files become voices, and who of them speaks. */
#include "piper_cast.h"
#include "piper_test_support.h"

struct fixture {
    struct piper_folder folder;
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    piper_folder_make(&fixture->folder);
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    piper_folder_remove(&fixture->folder);
}

static GPtrArray *find(const struct fixture *fixture, const char *model, struct dub_error *error)
{
    struct engine_config config = {.model = model, .model_cache_dir = fixture->folder.path};
    return piper_find(&config, error);
}

static void assert_found(const struct fixture *fixture, const char *model, const char *names)
{
    struct dub_error error = {0};
    g_autoptr(GPtrArray) found = find(fixture, model, &error);
    g_autoptr(GString) all = g_string_new(NULL);
    g_assert_cmpstr(error.message, ==, "");
    for (guint i = 0; found && i < found->len; i++)
        g_string_append_printf(all, "%s%s", i > 0 ? " " : "", ((struct piper_found *)found->pdata[i])->name);
    g_assert_cmpstr(all->str, ==, names);
}

static void assert_none(const struct fixture *fixture, const char *model, const char *why)
{
    struct dub_error error = {0};
    g_assert_null(find(fixture, model, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TTS);
    if (!strstr(error.message, why))
        g_error("\"%s\" has no \"%s\"", error.message, why);
}

static void test_all_of_a_folder(struct fixture *fixture, gconstpointer user)
{
    piper_folder_add(&fixture->folder, "voice", "es_ES-b");
    piper_folder_add(&fixture->folder, "speakers", "en_US-a");
    piper_folder_write(&fixture->folder, "ggml-small.bin", "x", 1);
    piper_folder_write(&fixture->folder, "other.onnx", "x", 1);
    assert_found(fixture, NULL, "en_US-a es_ES-b");
    assert_found(fixture, "", "en_US-a es_ES-b");
    assert_found(fixture, fixture->folder.path, "en_US-a es_ES-b");
}

static void test_one_by_name(struct fixture *fixture, gconstpointer user)
{
    piper_folder_add(&fixture->folder, "voice", "es_ES-b");
    piper_folder_add(&fixture->folder, "speakers", "en_US-a");
    g_autofree char *path = tiny_piper("letters");
    assert_found(fixture, "es_ES-b", "es_ES-b");
    assert_found(fixture, "es_ES-b.onnx", "es_ES-b");
    assert_found(fixture, path, "tiny-piper-letters");
}

static void test_none(struct fixture *fixture, gconstpointer user)
{
    struct engine_config nowhere = {0};
    struct dub_error error = {0};
    g_assert_null(piper_find(&nowhere, &error));
    g_assert_nonnull(strstr(error.message, "STS_MODEL_CACHE_DIR"));
    assert_none(fixture, NULL, fixture->folder.path);
    assert_none(fixture, "nobody", "nobody.onnx");
    assert_none(fixture, "/nonexistent", "STS_TTS_MODEL");
}

/* A folder goes on without the one that cannot be used; alone, or named, it is the error. */
static void test_spoilt_ones_are_named(struct fixture *fixture, gconstpointer user)
{
    gsize size = 0;
    g_autofree char *data = tiny_piper_bytes("voice", &size);
    g_autofree char *path = tiny_piper("voice");
    g_autofree char *settings = g_strconcat(path, ".json", NULL);
    piper_folder_write(&fixture->folder, "cut.onnx", data, size / 2);
    piper_folder_link(&fixture->folder, settings, "cut.onnx.json");
    assert_none(fixture, NULL, "cut.onnx is cut short");
    assert_none(fixture, "cut", "cut.onnx is cut short");
    piper_folder_link(&fixture->folder, path, "unset.onnx");
    assert_none(fixture, "unset", "unset.onnx.json");
    piper_folder_write(&fixture->folder, "unset.onnx.json", "{}", 2);
    assert_none(fixture, "unset", "unset.onnx.json: ");
    piper_folder_add(&fixture->folder, "speakers", "whole");
    assert_found(fixture, NULL, "whole");
}

#define PROFILES                                                                                             \
    "{\"voices\":{"                                                                                          \
    "\"deep\":{\"language\":\"en\",\"engine\":\"piper\",\"model\":\"en_US-a\",\"speaker\":\"low\"},"         \
    "\"third\":{\"language\":\"en\",\"engine\":\"piper\",\"model\":\"en_US-a.onnx\",\"speaker\":\"2\"},"     \
    "\"ghost\":{\"language\":\"en\",\"engine\":\"piper\",\"model\":\"nobody\"},"                             \
    "\"stranger\":{\"language\":\"en\",\"engine\":\"piper\",\"model\":\"en_US-a\",\"speaker\":\"x\"},"       \
    "\"foreign\":{\"language\":\"en\",\"engine\":\"piper\",\"model\":\"es_ES-b\"},"                          \
    "\"robot\":{\"language\":\"en\",\"engine\":\"espeak-ng\",\"model\":\"en\"}},"                            \
    "\"defaults\":{\"en\":[\"robot\",\"third\"]}}"

static void assert_role(const struct piper_cast *cast, const char *profile, const char *language,
                        const char *name, int speaker)
{
    struct piper_role role = piper_cast_find(cast, profile, language);
    g_assert_cmpstr(role.found ? role.found->name : NULL, ==, name);
    g_assert_cmpint(role.speaker, ==, speaker);
}

static void test_profiles_choose_voice_and_speaker(struct fixture *fixture, gconstpointer user)
{
    struct voices *voices = voices_parse(PROFILES, strlen(PROFILES), NULL);
    piper_folder_add(&fixture->folder, "voice", "es_ES-b");
    piper_folder_add(&fixture->folder, "speakers", "en_US-a");
    g_autoptr(GPtrArray) found = find(fixture, NULL, NULL);
    struct piper_cast *cast = piper_cast_new(found, voices);
    assert_role(cast, "deep", "en", "en_US-a", 0);
    assert_role(cast, "third", "en", "en_US-a", 2);
    assert_role(cast, "default", "en", "en_US-a", 2);
    assert_role(cast, NULL, "en", "en_US-a", 2);
    assert_role(cast, "no-such-profile", "en", "en_US-a", 2);
    assert_role(cast, "deep", "es", "es_ES-b", 0);
    assert_role(cast, "ghost", "en", "en_US-a", 0);
    assert_role(cast, "stranger", "en", "en_US-a", 0);
    assert_role(cast, "foreign", "en", "en_US-a", 0);
    assert_role(cast, "default", "fr", NULL, 0);
    g_auto(GStrv) profiles = piper_cast_profiles(cast);
    g_auto(GStrv) languages = piper_cast_languages(cast);
    g_autofree char *all = g_strjoinv(" ", profiles);
    g_autofree char *spoken = g_strjoinv(" ", languages);
    g_assert_cmpstr(all, ==, "deep third");
    g_assert_cmpstr(spoken, ==, "en es");
    piper_cast_free(cast);
    voices_free(voices);
}

static void test_without_profiles(struct fixture *fixture, gconstpointer user)
{
    piper_folder_add(&fixture->folder, "voice", "es_ES-b");
    g_autoptr(GPtrArray) found = find(fixture, NULL, NULL);
    struct piper_cast *cast = piper_cast_new(found, NULL);
    g_auto(GStrv) profiles = piper_cast_profiles(cast);
    assert_role(cast, "default", "es", "es_ES-b", 0);
    g_assert_cmpstr(profiles[0], ==, "default");
    piper_cast_free(cast);
    piper_cast_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/piper-find/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("all-of-a-folder", test_all_of_a_folder);
    ADD("one-by-name", test_one_by_name);
    ADD("none", test_none);
    ADD("spoilt-ones-are-named", test_spoilt_ones_are_named);
    ADD("profiles-choose-voice-and-speaker", test_profiles_choose_voice_and_speaker);
    ADD("without-profiles", test_without_profiles);
    return g_test_run();
}
