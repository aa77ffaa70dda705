/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each engine of a provider costs over the provider's own time: a call by the engine, less the time from
 * the request's last byte at the server on loopback to the first byte of its answer. One call at a time.
 * sts-provider-overhead [TIMES] */
#include "engines/asr/asr.h"
#include "engines/http/fake_apis.h"
#include "engines/http/fake_speech.h"
#include "engines/translation/translation.h"
#include "engines/tts/tts.h"
#include "sts_overhead.h"

#include <dubbing_clock.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMES 200
#define WARM 5
#define TEXT "The government has announced a new plan for the railways of the north."

struct engines_under_test {
    struct pcm clip;
    struct asr *asr;
    struct translation *translation;
    struct tts *tts;
};

static void give_up(const struct dub_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    exit(1);
}

static void call(struct engines_under_test *under)
{
    struct asr_request heard = {.audio = &under->clip, .language = "en"};
    struct translation_request asked = {.text = TEXT, .source_language = "en", .target_language = "es"};
    struct tts_request said = {.text = TEXT, .language = "es"};
    struct asr_transcript transcript = {0};
    struct translation_result translated = {0};
    struct tts_result spoken = {0};
    struct dub_error error = {0};
    bool done = true;
    if (under->asr)
        done = asr_transcribe(under->asr, &heard, &transcript, &error);
    else if (under->translation)
        done = translation_translate(under->translation, &asked, &translated, &error);
    else
        done = tts_speak(under->tts, &said, &spoken, &error);
    if (!done)
        give_up(&error);
    asr_transcript_clear(&transcript);
    translation_result_clear(&translated);
    tts_result_clear(&spoken);
}

static void measure(const char *stage, const char *engine, struct fake_apis *apis, int times)
{
    struct engine_config config = {.workers = 1, .providers = fake_apis_providers(apis)};
    struct engines_under_test under = {.clip = fake_tone(TEXT, 1.0)};
    struct dub_error error = {0};
    g_autofree double *over = g_new(double, (gsize)times);
    if (*stage == 'a')
        under.asr = asr_open(engine, &config, &error);
    else if (stage[1] == 'r')
        under.translation = translation_open(engine, &config, &error);
    else
        under.tts = tts_open(engine, &config, &error);
    if (!under.asr && !under.translation && !under.tts)
        give_up(&error);
    double server_ms = 0.0;
    for (int i = -WARM; i < times; i++) {
        int64_t busy_ns = fake_apis_busy_ns(apis);
        int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());
        call(&under);
        int64_t took_ns = dub_clock_now_ns(dub_clock_monotonic()) - start_ns;
        busy_ns = fake_apis_busy_ns(apis) - busy_ns;
        if (i >= 0) {
            over[i] = (double)(took_ns - busy_ns) / 1e6;
            server_ms += (double)busy_ns / 1e6 / times;
        }
    }
    double median = overhead_median(over, times);
    printf("%-12s %-15s %10.2f %10.2f %10.2f\n", stage, engine, server_ms, median, over[times * 99 / 100]);
    asr_close(under.asr);
    translation_close(under.translation);
    tts_close(under.tts);
    pcm_clear(&under.clip);
}

int main(int argc, char **argv)
{
    static const char *const engines[][2] = {{"asr", "openai"},        {"translation", "openai"},
                                             {"translation", "deepl"}, {"translation", "libretranslate"},
                                             {"tts", "openai"},        {"tts", "elevenlabs"}};
    int times = argc > 1 ? atoi(argv[1]) : TIMES;
    if (times < 1) {
        fprintf(stderr, "usage: %s [TIMES]\n", argv[0]);
        return 2;
    }
    struct fake_apis *apis = fake_apis_new();
    printf("%-12s %-15s %10s %10s %10s\n", "stage", "engine", "server ms", "over p50", "over p99");
    for (gsize i = 0; i < G_N_ELEMENTS(engines); i++)
        measure(engines[i][0], engines[i][1], apis, times);
    fake_apis_free(apis);
    return 0;
}
