/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The border to ONNX Runtime and what keeps models loaded, with voices that tests/tiny_piper.py makes. */
#include "piper_session.h"

#include "piper_shelf.h"
#include "piper_test_support.h"

#include <math.h>

#define RATE_HZ TINY_PIPER_RATE_HZ
#define SPAN 512
#define MUCH ((gsize)RATE_HZ * 120)

static const struct piper_session_terms one_voice = {.device = "cpu", .threads = 1};
static const struct piper_session_terms three_voices = {.device = "cpu", .threads = 1, .speakers = true};

static struct piper_session *load(const char *kind, const struct piper_session_terms *terms)
{
    struct dub_error error = {0};
    g_autofree char *path = tiny_piper(kind);
    struct piper_session *session = piper_session_load(path, terms, &error);
    if (!session)
        g_error("%s", error.message);
    return session;
}

static GArray *some_ids(guint count)
{
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (int64_t i = 0; i < count; i++)
        g_array_append_val(ids, i);
    return ids;
}

static bool run(const struct piper_session *session, const struct piper_input *input, GArray *samples,
                struct dub_error *error)
{
    struct piper_stop *stop = piper_stop_new();
    bool done = piper_session_run(session, input, stop, samples, MUCH, error);
    piper_stop_free(stop);
    return done;
}

static GArray *must_run(const struct piper_session *session, guint count, float length_scale, int speaker)
{
    g_autoptr(GArray) ids = some_ids(count);
    GArray *samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
    struct piper_input input = {.ids = ids, .length_scale = length_scale, .speaker = speaker};
    struct dub_error error = {0};
    if (!run(session, &input, samples, &error))
        g_error("%s", error.message);
    return samples;
}

static int heard(guint number)
{
    return (int)lrint(number * 32767 / 1024.0);
}

/* The model gets the numbers as they are: it says them. */
static void test_the_numbers_arrive(void)
{
    struct piper_session *session = load("letters", &one_voice);
    g_autoptr(GArray) samples = must_run(session, 200, 1.0F, 0);
    g_assert_cmpuint(samples->len, ==, 200 * 4);
    for (guint i = 0; i < samples->len; i++)
        g_assert_cmpint(g_array_index(samples, int16_t, i), ==, heard(i / 4));
    g_assert_false(piper_session_on_gpu(session));
    piper_session_free(session);
    piper_session_free(NULL);
}

static void test_the_length_scale_arrives(void)
{
    static const float scales[] = {0.5F, 1.0F, 2.0F};
    struct piper_session *session = load("voice", &one_voice);
    for (gsize i = 0; i < G_N_ELEMENTS(scales); i++) {
        g_autoptr(GArray) samples = must_run(session, 50, scales[i], 0);
        g_assert_cmpuint(samples->len, ==, (guint)(50 * SPAN * scales[i]));
        g_assert_cmpfloat_with_epsilon(tiny_piper_pitch((int16_t *)samples->data, samples->len), 220.0, 2.5);
    }
    piper_session_free(session);
}

static void test_the_speaker_arrives(void)
{
    static const double pitches[] = {110.0, 220.0, 440.0};
    struct piper_session *session = load("speakers", &three_voices);
    for (int i = 0; i < 3; i++) {
        g_autoptr(GArray) samples = must_run(session, 50, 1.0F, i);
        g_assert_cmpfloat_with_epsilon(tiny_piper_pitch((int16_t *)samples->data, samples->len), pitches[i],
                                       2.5);
    }
    piper_session_free(session);
    /* One with a single speaker told may take one all the same. */
    session = load("speakers", &one_voice);
    g_autoptr(GArray) samples = must_run(session, 10, 1.0F, 0);
    g_assert_cmpuint(samples->len, ==, 10 * SPAN);
    piper_session_free(session);
}

static void assert_not_loaded(const char *path, const struct piper_session_terms *terms, const char *why)
{
    struct dub_error error = {0};
    g_assert_null(piper_session_load(path, terms, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    if (!strstr(error.message, why) || !strstr(error.message, path))
        g_error("\"%s\" has no \"%s\"", error.message, why);
}

static void test_other_shapes_are_refused(void)
{
    static const struct {
        const char *kind, *why;
    } cases[] = {{"scales", "\"scales\" is not float[3]"},
                 {"types", "\"input\" is not int64[1, phonemes]"},
                 {"missing", "\"lid\" is not one of Piper's"},
                 {"speaker", "\"sid\" is missing"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = tiny_piper(cases[i].kind);
        assert_not_loaded(path, &three_voices, cases[i].why);
    }
}

/* Whole by its lengths, but the library knows no such operator. */
static void test_what_the_library_refuses(void)
{
    struct piper_folder folder;
    gsize size = 0;
    g_autofree char *data = tiny_piper_bytes("voice", &size);
    char *kind = memmem(data, size, "\x22\x03Sin", 5);
    g_assert_nonnull(kind);
    kind[2] = 'X';
    piper_folder_make(&folder);
    piper_folder_write(&folder, "odd.onnx", data, size);
    g_autofree char *path = g_build_filename(folder.path, "odd.onnx", NULL);
    assert_not_loaded(path, &one_voice, "cannot be loaded by ONNX Runtime");
    assert_not_loaded("/nonexistent.onnx", &one_voice, "cannot be loaded by ONNX Runtime");
    piper_folder_remove(&folder);
}

static void assert_no_sound(const char *kind, enum dub_error_code code)
{
    struct piper_session *session = load(kind, &one_voice);
    g_autoptr(GArray) ids = some_ids(10);
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
    struct piper_input input = {.ids = ids, .length_scale = 1.0F};
    struct dub_error error = {0};
    g_assert_false(run(session, &input, samples, &error));
    g_assert_cmpint(error.code, ==, code);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TTS);
    piper_session_free(session);
}

static void test_what_is_no_speech_is_refused(void)
{
    assert_no_sound("numbers", DUB_ERROR_MODEL_ERROR);
    assert_no_sound("nothing", DUB_ERROR_MODEL_ERROR);
    assert_no_sound("endless", DUB_ERROR_TTS_SYNTHESIS_FAILED);
}

static void test_without_cuda_the_processor_serves_whoever_wants_a_gpu(void)
{
    const struct piper_session_terms terms = {.device = "cuda", .threads = 1};
    if (piper_session_has_cuda())
        return;
    struct piper_session *session = load("voice", &terms);
    g_assert_false(piper_session_on_gpu(session));
    piper_session_free(session);
}

struct slow_run {
    struct piper_session *session;
    struct piper_stop *stop;
    struct dub_error error;
};

static gpointer run_slowly(gpointer user)
{
    struct slow_run *slow = user;
    g_autoptr(GArray) ids = some_ids(4);
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
    struct piper_input input = {.ids = ids, .length_scale = 1.0F};
    g_assert_false(piper_session_run(slow->session, &input, slow->stop, samples, MUCH, &slow->error));
    return NULL;
}

/* Its model would go on for days. */
static void test_a_run_is_stopped(void)
{
    for (int at_once = 0; at_once < 2; at_once++) {
        struct slow_run slow = {.session = load("slow", &one_voice), .stop = piper_stop_new()};
        if (at_once)
            piper_stop_now(slow.stop);
        GThread *thread = g_thread_new("slow", run_slowly, &slow);
        if (!at_once)
            piper_stop_now(slow.stop);
        g_thread_join(thread);
        g_assert_cmpint(slow.error.code, ==, DUB_ERROR_MODEL_ERROR);
        piper_stop_free(slow.stop);
        piper_session_free(slow.session);
    }
}

static gpointer run_in_thread(gpointer user)
{
    for (guint i = 0; i < 50; i++) {
        guint count = 5 + i % 7;
        g_autoptr(GArray) samples = must_run(user, count, 1.0F, 0);
        g_assert_cmpuint(samples->len, ==, count * 4);
        g_assert_cmpint(g_array_index(samples, int16_t, samples->len - 1), ==, heard(count - 1));
    }
    return NULL;
}

static void test_several_runs_at_a_time(void)
{
    struct piper_session *session = load("letters", &one_voice);
    GThread *threads[4];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("run", run_in_thread, session);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    piper_session_free(session);
}

/* Of ten voices eight stay loaded, and the one that is in use is not thrown out. */
static void test_the_shelf_is_bounded(void)
{
    struct piper_folder folder;
    piper_folder_make(&folder);
    for (int i = 0; i < PIPER_SHELF_MAX + 2; i++) {
        g_autofree char *name = g_strdup_printf("v%02d", i);
        piper_folder_add(&folder, "letters", name);
    }
    struct engine_config config = {.model_cache_dir = folder.path};
    g_autoptr(GPtrArray) found = piper_find(&config, NULL);
    struct piper_shelf *shelf = piper_shelf_new("cpu", 1);
    const struct piper_session *first = piper_shelf_take(shelf, found->pdata[0], NULL);
    for (guint i = 1; i < found->len; i++) {
        g_assert_nonnull(piper_shelf_take(shelf, found->pdata[i], NULL));
        piper_shelf_give_back(shelf, found->pdata[i]);
        g_assert_cmpuint(piper_shelf_loaded(shelf), <=, PIPER_SHELF_MAX);
    }
    g_assert_cmpuint(piper_shelf_loaded(shelf), ==, PIPER_SHELF_MAX);
    g_assert_true(piper_shelf_take(shelf, found->pdata[0], NULL) == first);
    piper_shelf_give_back(shelf, found->pdata[0]);
    piper_shelf_give_back(shelf, found->pdata[0]);
    piper_shelf_free(shelf);
    piper_folder_remove(&folder);
}

/* All are in use: there is no room to be made, so there are more for a while. */
static void test_more_than_the_shelf_at_a_time(void)
{
    struct piper_folder folder;
    piper_folder_make(&folder);
    for (int i = 0; i < PIPER_SHELF_MAX + 1; i++) {
        g_autofree char *name = g_strdup_printf("v%02d", i);
        piper_folder_add(&folder, "letters", name);
    }
    struct engine_config config = {.model_cache_dir = folder.path};
    g_autoptr(GPtrArray) found = piper_find(&config, NULL);
    struct piper_shelf *shelf = piper_shelf_new("cpu", 1);
    for (guint i = 0; i < found->len; i++)
        g_assert_nonnull(piper_shelf_take(shelf, found->pdata[i], NULL));
    g_assert_cmpuint(piper_shelf_loaded(shelf), ==, PIPER_SHELF_MAX + 1);
    for (guint i = 0; i < found->len; i++)
        piper_shelf_give_back(shelf, found->pdata[i]);
    g_assert_cmpuint(piper_shelf_loaded(shelf), ==, PIPER_SHELF_MAX);
    piper_shelf_free(shelf);
    piper_folder_remove(&folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/piper-session/the-numbers-arrive", test_the_numbers_arrive);
    g_test_add_func("/piper-session/the-length-scale-arrives", test_the_length_scale_arrives);
    g_test_add_func("/piper-session/the-speaker-arrives", test_the_speaker_arrives);
    g_test_add_func("/piper-session/other-shapes-are-refused", test_other_shapes_are_refused);
    g_test_add_func("/piper-session/what-the-library-refuses", test_what_the_library_refuses);
    g_test_add_func("/piper-session/what-is-no-speech-is-refused", test_what_is_no_speech_is_refused);
    g_test_add_func("/piper-session/without-cuda",
                    test_without_cuda_the_processor_serves_whoever_wants_a_gpu);
    g_test_add_func("/piper-session/a-run-is-stopped", test_a_run_is_stopped);
    g_test_add_func("/piper-session/several-runs-at-a-time", test_several_runs_at_a_time);
    g_test_add_func("/piper-shelf/it-is-bounded", test_the_shelf_is_bounded);
    g_test_add_func("/piper-shelf/more-than-it-holds-at-a-time", test_more_than_the_shelf_at_a_time);
    return g_test_run();
}
