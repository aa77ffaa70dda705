/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which engine of a chain is asked, on a fake clock; and the three stages' chains with mocks that fail. */
#include "../audio/pcm.h"
#include "asr/asr.h"
#include "chain.h"
#include "http/fake_apis.h"
#include "translation/translation.h"
#include "tts/tts.h"
#include <string.h>

static const char *const names[] = {"first", "second", "third"};

struct stand {
    struct dub_fake_clock clock;
    struct chain *chain;
    GString *seen; /* "first:failed second:served " */
};

static void observe(enum dub_stage stage, const char *engine, const char *result, void *user)
{
    g_string_append_printf(user, "%s:%s ", engine, result);
}

static void stand_up(struct stand *stand)
{
    dub_fake_clock_init(&stand->clock, 1000 * DUB_NS_PER_S);
    stand->seen = g_string_new(NULL);
    struct engine_config config = {.observe = observe, .observer = stand->seen};
    stand->chain = chain_new(DUB_STAGE_TTS, names, 3, &config, &stand->clock.clock);
}

static void stand_down(struct stand *stand)
{
    chain_free(stand->chain);
    g_string_free(stand->seen, TRUE);
}

/* Who can do what is asked. */
static unsigned able = 7;

/* A call of which the links fail whose bit is set. Returns who was asked and how it went. */
static const char *call_for(struct stand *stand, const char *session, unsigned failing,
                            enum dub_error_code code)
{
    struct dub_error error = {.code = code};
    struct engine_call call = {.session_id = session,
                               .deadline_ns = dub_clock_now_ns(&stand->clock.clock) + 8 * DUB_NS_PER_S};
    struct chain_walk walk = chain_walk_begin(stand->chain, &call, able);
    g_string_truncate(stand->seen, 0);
    for (int i = chain_walk_next(&walk); i >= 0; i = chain_walk_next(&walk))
        if (!chain_walk_tell(&walk, !(failing & (1u << i)), &error))
            break;
    return stand->seen->str;
}

static const char *call(struct stand *stand, unsigned failing)
{
    return call_for(stand, "one", failing, DUB_ERROR_MODEL_ERROR);
}

static void test_the_next_serves(void)
{
    struct stand stand;
    stand_up(&stand);
    g_assert_cmpstr(chain_name(stand.chain), ==, "first,second,third");
    g_assert_cmpstr(call(&stand, 0), ==, "first:served ");
    g_assert_cmpstr(call(&stand, 1), ==, "first:failed second:served ");
    g_assert_cmpstr(call(&stand, 0), ==, "first:served ");
    g_assert_cmpstr(call(&stand, 7), ==, "first:failed second:failed third:failed ");
    stand_down(&stand);
}

static void test_one_that_keeps_failing_is_left_alone(void)
{
    struct stand stand;
    stand_up(&stand);
    call(&stand, 1);
    call(&stand, 1);
    g_assert_cmpstr(call(&stand, 0), ==, "first:avoided second:served ");
    dub_fake_clock_advance(&stand.clock, CHAIN_FIRST_PAUSE_NS - 1);
    g_assert_cmpstr(call(&stand, 0), ==, "first:avoided second:served ");
    dub_fake_clock_advance(&stand.clock, 1);
    g_assert_cmpstr(call(&stand, 1), ==, "first:failed second:served ");
    /* Once is enough now, and for twice as long. */
    dub_fake_clock_advance(&stand.clock, 2 * CHAIN_FIRST_PAUSE_NS - 1);
    g_assert_cmpstr(call(&stand, 0), ==, "first:avoided second:served ");
    dub_fake_clock_advance(&stand.clock, 1);
    g_assert_cmpstr(call(&stand, 0), ==, "first:served ");
    /* As if nothing had been. */
    g_assert_cmpstr(call(&stand, 1), ==, "first:failed second:served ");
    g_assert_cmpstr(call(&stand, 0), ==, "first:served ");
    stand_down(&stand);
}

static void test_pauses_have_an_end(void)
{
    struct stand stand;
    stand_up(&stand);
    call(&stand, 1);
    for (int i = 0; i < 20; i++) {
        call(&stand, 1);
        dub_fake_clock_advance(&stand.clock, CHAIN_MAX_PAUSE_NS);
    }
    g_assert_cmpstr(call(&stand, 0), ==, "first:served ");
    stand_down(&stand);
}

static void test_streams_do_not_learn_from_each_other(void)
{
    struct stand stand;
    stand_up(&stand);
    call(&stand, 1);
    call(&stand, 1);
    g_assert_cmpstr(call_for(&stand, "two", 0, DUB_ERROR_NONE), ==, "first:served ");
    g_assert_cmpstr(call_for(&stand, NULL, 0, DUB_ERROR_NONE), ==, "first:served ");
    g_assert_cmpstr(call(&stand, 0), ==, "first:avoided second:served ");
    stand_down(&stand);
}

static void test_the_last_is_never_left_alone(void)
{
    struct stand stand;
    stand_up(&stand);
    for (int i = 0; i < 3; i++)
        call(&stand, 7);
    g_assert_cmpstr(call(&stand, 0), ==, "first:avoided second:avoided third:served ");
    stand_down(&stand);
}

/* Of those who can do it. */
static void test_the_only_one_is_never_left_alone(void)
{
    struct stand stand;
    stand_up(&stand);
    able = 2;
    for (int i = 0; i < 3; i++)
        g_assert_cmpstr(call(&stand, 7), ==, "second:failed ");
    g_assert_cmpstr(call(&stand, 0), ==, "second:served ");
    able = 7;
    stand_down(&stand);
}

static void test_a_phrase_is_not_the_engines_fault(void)
{
    struct stand stand;
    stand_up(&stand);
    for (int i = 0; i < 5; i++)
        g_assert_cmpstr(call_for(&stand, "one", 1, DUB_ERROR_HALLUCINATION_SUSPECTED), ==,
                        "first:failed second:served ");
    stand_down(&stand);
}

/* While the one probe is under way nobody else is sent after it. */
static void test_one_probe_at_a_time(void)
{
    struct stand stand;
    struct engine_call terms = {.session_id = "one"};
    stand_up(&stand);
    call(&stand, 1);
    call(&stand, 1);
    dub_fake_clock_advance(&stand.clock, CHAIN_FIRST_PAUSE_NS);
    struct chain_walk probe = chain_walk_begin(stand.chain, &terms, 7);
    g_assert_cmpint(chain_walk_next(&probe), ==, 0);
    g_assert_cmpstr(call(&stand, 0), ==, "first:avoided second:served ");
    struct dub_error late = {.code = DUB_ERROR_TIMEOUT};
    g_assert_true(chain_walk_tell(&probe, false, &late));
    g_assert_cmpstr(call(&stand, 0), ==, "first:avoided second:served ");
    stand_down(&stand);
}

static void test_time_is_shared(void)
{
    struct stand stand;
    stand_up(&stand);
    int64_t now = dub_clock_now_ns(&stand.clock.clock);
    struct dub_error slow = {.code = DUB_ERROR_TIMEOUT};
    struct engine_call terms = {.deadline_ns = now + 8 * DUB_NS_PER_S};
    struct chain_walk walk = chain_walk_begin(stand.chain, &terms, 7);
    g_assert_cmpint(chain_walk_next(&walk), ==, 0);
    g_assert_cmpint(walk.own.deadline_ns - now, ==, 4 * DUB_NS_PER_S);
    dub_fake_clock_advance(&stand.clock, 4 * DUB_NS_PER_S);
    g_assert_true(chain_walk_tell(&walk, false, &slow));
    g_assert_cmpint(chain_walk_next(&walk), ==, 1);
    g_assert_cmpint(walk.own.deadline_ns - now, ==, 6 * DUB_NS_PER_S);
    dub_fake_clock_advance(&stand.clock, 2 * DUB_NS_PER_S);
    g_assert_true(chain_walk_tell(&walk, false, &slow));
    g_assert_cmpint(chain_walk_next(&walk), ==, 2);
    g_assert_cmpint(walk.own.deadline_ns, ==, terms.deadline_ns);
    g_assert_cmpstr(stand.seen->str, ==, "first:slow second:slow ");
    stand_down(&stand);
}

static void test_a_cancel_ends_it(void)
{
    struct stand stand;
    stand_up(&stand);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    struct dub_error error = {.code = DUB_ERROR_CANCELLED};
    struct engine_call terms = {.session_id = "one", .cancellable = cancellable};
    g_cancellable_cancel(cancellable);
    for (int i = 0; i < 3; i++) {
        struct chain_walk walk = chain_walk_begin(stand.chain, &terms, 7);
        g_assert_cmpint(chain_walk_next(&walk), ==, 0);
        g_assert_false(chain_walk_tell(&walk, false, &error));
    }
    g_assert_cmpstr(call(&stand, 0), ==, "first:served ");
    stand_down(&stand);
}

static void test_names(void)
{
    static const char *const bad[] = {",", "a,", "a,,b", "auto,a", ":m", "a,b,c,d,e,f,g,h,i"};
    struct chain_names read;
    struct dub_error error = {0};
    g_assert_true(chain_names_read(&read, "a, b:m:1 ,c", "model", DUB_STAGE_TTS, NULL));
    g_assert_cmpuint(read.count, ==, 3);
    g_assert_cmpstr(read.name[1], ==, "b");
    g_assert_cmpstr(read.model[0], ==, "model");
    g_assert_cmpstr(read.model[1], ==, "m:1");
    g_assert_null(read.model[2]);
    chain_names_clear(&read);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(chain_names_read(&read, bad[i], NULL, DUB_STAGE_TTS, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_true(strstr(error.message, "STS_TTS_ENGINE") != NULL);
    }
}

static void test_translation(void)
{
    struct engine_config config = {.workers = 2};
    struct dub_error error = {0};
    struct translation *translation =
        translation_open("mock:fail=first:2,mock:text=second,identity", &config, &error);
    g_assert_nonnull(translation);
    static const char *const expected[] = {"second", "second", "second"};
    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autofree char *used = g_strdup("nobody");
        struct translation_request request = {.call = {.session_id = "s", .used = &used},
                                              .text = "a word",
                                              .source_language = "en",
                                              .target_language = "es"};
        struct translation_result result = {0};
        g_assert_true(translation_translate(translation, &request, &result, &error));
        g_assert_cmpstr(result.text, ==, expected[i]);
        g_assert_true(g_str_has_prefix(used, "mock"));
        translation_result_clear(&result);
    }
    struct engine_info info = {0};
    translation_describe(translation, &info);
    g_assert_cmpstr(info.name, ==, "mock,mock,identity");
    g_assert_cmpuint(info.links->len, ==, 3);
    engine_info_clear(&info);
    translation_close(translation);
}

static void test_asr(void)
{
    struct engine_config config = {.workers = 2};
    struct dub_error error = {0};
    struct asr *asr = asr_open("mock:fail=always,mock:text=heard", &config, &error);
    struct pcm clip = pcm_silence(16000, 1000);
    struct asr_transcript transcript = {0};
    for (size_t i = 0; i < clip.count; i++)
        clip.samples[i] = i % 80 < 40 ? 8000 : -8000;
    struct asr_request request = {.audio = &clip, .language = "en"};
    g_assert_true(asr_transcribe(asr, &request, &transcript, &error));
    g_assert_cmpstr(transcript.text, ==, "heard");
    asr_forget(asr, "s");
    asr_transcript_clear(&transcript);
    pcm_clear(&clip);
    asr_close(asr);
}

static void test_tts(void)
{
    struct engine_config config = {.workers = 2};
    struct dub_error error = {0};
    g_autofree char *used = NULL;
    struct tts *tts = tts_open("mock:delay=60s,mock:tone=440", &config, &error);
    struct tts_result result = {0};
    struct tts_request request = {.text = "Hola a todos.", .language = "es"};
    request.call.used = &used;
    request.call.deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + 6 * DUB_NS_PER_S;
    g_assert_true(tts_speak(tts, &request, &result, &error));
    g_assert_cmpuint(result.audio.count, >, 0);
    g_assert_nonnull(used);
    tts_result_clear(&result);
    tts_close(tts);
}

static void test_all_fail(void)
{
    struct engine_config config = {.workers = 2};
    struct dub_error error = {0};
    struct translation *translation =
        translation_open("mock:fail=always,mock:fail=always;error=RATE_LIMIT", &config, &error);
    struct translation_request request = {.text = "a word", .source_language = "en", .target_language = "es"};
    struct translation_result result = {0};
    g_assert_false(translation_translate(translation, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_RATE_LIMIT);
    translation_close(translation);
}

static void test_a_link_that_is_not_there(void)
{
    struct engine_config config = {.workers = 2};
    struct dub_error error = {0};
    g_assert_null(translation_open("identity,deepl", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_true(strstr(error.message, "DEEPL_AUTH_KEY") != NULL);
    g_assert_null(tts_open("mock,nobody", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_NOT_FOUND);
}

/* A provider's first, and the best that needs no network behind it, where one is installed. */
static void test_auto(void)
{
    struct fake_apis *apis = fake_apis_new();
    const struct engine_providers *all = fake_apis_providers(apis);
    struct engine_providers one = {.libretranslate_url = all->libretranslate_url,
                                   .libretranslate_key = all->libretranslate_key};
    struct engine_config config = {.workers = 2, .providers = &one};
    struct dub_error error = {0};
    struct engine_info info = {0};
    struct translation *translation = translation_open("auto", &config, &error);
    g_assert_nonnull(translation);
    translation_describe(translation, &info);
    g_test_message("%s", info.name);
    g_assert_true(g_str_equal(info.name, "libretranslate") ||
                  g_str_equal(info.name, "libretranslate,apertium"));
    engine_info_clear(&info);
    translation_close(translation);
    fake_apis_free(apis);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chain/the-next-serves", test_the_next_serves);
    g_test_add_func("/chain/one-that-keeps-failing-is-left-alone", test_one_that_keeps_failing_is_left_alone);
    g_test_add_func("/chain/pauses-have-an-end", test_pauses_have_an_end);
    g_test_add_func("/chain/streams-do-not-learn-from-each-other", test_streams_do_not_learn_from_each_other);
    g_test_add_func("/chain/the-last-is-never-left-alone", test_the_last_is_never_left_alone);
    g_test_add_func("/chain/the-only-one-is-never-left-alone", test_the_only_one_is_never_left_alone);
    g_test_add_func("/chain/a-phrase-is-not-the-engines-fault", test_a_phrase_is_not_the_engines_fault);
    g_test_add_func("/chain/one-probe-at-a-time", test_one_probe_at_a_time);
    g_test_add_func("/chain/time-is-shared", test_time_is_shared);
    g_test_add_func("/chain/a-cancel-ends-it", test_a_cancel_ends_it);
    g_test_add_func("/chain/names", test_names);
    g_test_add_func("/chain/translation", test_translation);
    g_test_add_func("/chain/auto", test_auto);
    g_test_add_func("/chain/asr", test_asr);
    g_test_add_func("/chain/tts", test_tts);
    g_test_add_func("/chain/all-fail", test_all_fail);
    g_test_add_func("/chain/a-link-that-is-not-there", test_a_link_that_is_not_there);
    return g_test_run();
}
