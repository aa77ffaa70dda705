/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tts.h"

#include "../../audio/edges.h"
#include "../../audio/loudness.h"
#include "../../text/guard.h"
#include "../chain.h"
#include "../choice.h"
#include "engines.h"
#include <string.h>

#define KEEP_MS 10
#define FADE_MS 5
#define MAX_GAIN_DB 24.0

const struct tts_engine_ops *const tts_engines[] = {&tts_elevenlabs, &tts_openai, &tts_espeak, &tts_mock,
                                                    NULL};

struct tts {
    const struct tts_engine_ops *ops;
    struct tts_engine *engine;
    int max_concurrency;
};

void tts_result_clear(struct tts_result *result)
{
    pcm_clear(&result->audio);
    *result = (struct tts_result){0};
}

static struct tts *wrap(const struct tts_link *link, int max_concurrency, const struct engine_config *config)
{
    struct tts *tts = g_new0(struct tts, 1);
    int wanted = config->workers > 0 ? config->workers : (int)g_get_num_processors();
    tts->ops = link->ops;
    tts->engine = link->engine;
    tts->max_concurrency = CLAMP(wanted, 1, max_concurrency);
    return tts;
}

/* Takes the links, of which there is at least one. */
static struct tts *wrap_all(const struct tts_link *links, unsigned count, const struct engine_config *config)
{
    struct tts_link whole = links[0];
    int max_concurrency = links[0].ops->max_concurrency;
    for (unsigned i = 1; i < count; i++)
        max_concurrency = MIN(max_concurrency, links[i].ops->max_concurrency);
    if (count > 1)
        whole = (struct tts_link){&tts_chain, tts_chain_new(links, count, config)};
    return wrap(&whole, max_concurrency, config);
}

/* How many have been created: one by its name; by "auto" the best, and behind those that ask somebody over
 * the network the best that does not. 0: none, error says why. */
static unsigned create(const char *name, const struct engine_config *config, struct tts_link *links,
                       struct dub_error *error)
{
    struct engine_choice choice = engine_choice_on(DUB_STAGE_TTS, name);
    unsigned count = 0;
    for (const struct tts_engine_ops *const *ops = tts_engines; *ops && count < CHAIN_MAX_LINKS; ops++) {
        if (!engine_choice_wants(&choice, (*ops)->name, (*ops)->automatic))
            continue;
        struct tts_engine *engine = (*ops)->create(config, &choice.error);
        if (!engine) {
            engine_choice_failed(&choice, (*ops)->name);
            continue;
        }
        links[count++] = (struct tts_link){*ops, engine};
        if (choice.wanted || !(*ops)->remote)
            return count;
    }
    if (count == 0)
        engine_choice_give_up(&choice, error);
    return count;
}

static struct tts *open_chain(const char *name, const struct engine_config *config, struct dub_error *error)
{
    struct tts_link links[CHAIN_MAX_LINKS];
    struct chain_names names;
    unsigned count = 0;
    if (!chain_names_read(&names, name, config->model, DUB_STAGE_TTS, error))
        return NULL;
    for (struct engine_config own = *config; count < names.count; count++) {
        own.model = names.model[count];
        if (create(names.name[count], &own, &links[count], error) == 0)
            break;
    }
    bool whole = count > 0 && count == names.count;
    while (!whole && count > 0) {
        count--;
        links[count].ops->destroy(links[count].engine);
    }
    chain_names_clear(&names);
    return whole ? wrap_all(links, count, config) : NULL;
}

struct tts *tts_open(const char *name, const struct engine_config *config, struct dub_error *error)
{
    struct tts_link links[CHAIN_MAX_LINKS];
    if (chain_is_named(name))
        return open_chain(name, config, error);
    unsigned count = create(name, config, links, error);
    return count > 0 ? wrap_all(links, count, config) : NULL;
}

void tts_close(struct tts *tts)
{
    if (!tts)
        return;
    tts->ops->destroy(tts->engine);
    g_free(tts);
}

void tts_describe(const struct tts *tts, struct engine_info *info)
{
    *info = (struct engine_info){.name = tts->ops->name, .summary = tts->ops->summary};
    tts->ops->describe(tts->engine, info);
}

char *tts_link_used(const struct tts_link *link, const char *profile, const char *language)
{
    if (language && link->ops->voice_of) {
        g_autofree char *voice = link->ops->voice_of(link->engine, profile, language);
        return engine_used(link->ops->name, voice);
    }
    struct engine_info info = {.name = link->ops->name};
    link->ops->describe(link->engine, &info);
    char *used = engine_used(info.name, info.model);
    engine_info_clear(&info);
    return used;
}

char *tts_used(const struct tts *tts, const char *profile, const char *language)
{
    g_autofree char *base = engine_language_base(language);
    const struct tts_link link = {tts->ops, tts->engine};
    return tts_link_used(&link, profile, base);
}

bool tts_supports(const struct tts *tts, const char *language)
{
    g_autofree char *base = engine_language_base(language);
    return base && tts->ops->supports(tts->engine, base);
}

int tts_max_concurrency(const struct tts *tts)
{
    return tts->max_concurrency;
}

static bool check_request(const struct tts *tts, const struct tts_request *request, struct dub_error *error)
{
    if (!tts_supports(tts, request->language))
        return dub_error_set_stage(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR, DUB_STAGE_TTS,
                                   "%s does not speak language \"%s\"", tts->ops->name,
                                   request->language ? request->language : "");
    if (!request->text || strlen(request->text) > TTS_MAX_BYTES)
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS, "the text is %s",
                                   request->text ? "longer than 16 KiB" : "missing");
    if (request->rate != 0.0 && !(request->rate >= TTS_MIN_RATE && request->rate <= TTS_MAX_RATE))
        return dub_error_set_stage(error, DUB_ERROR_INVALID_ARGUMENT, DUB_STAGE_TTS,
                                   "speaking rate %g is outside %g..%g", request->rate, TTS_MIN_RATE,
                                   TTS_MAX_RATE);
    return engine_call_go_on(&request->call, DUB_STAGE_TTS, error);
}

static bool check_clip(const struct pcm *audio, struct dub_error *error)
{
    if (audio->count > (size_t)audio->rate_hz * (PCM_MAX_MS / 1000))
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                   "the clip is longer than %d s", PCM_MAX_MS / 1000);
    if (audio->count == 0)
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                   "the engine made no sound for the text");
    return true;
}

static bool ask_engine(struct tts *tts, const struct tts_request *request, struct pcm *audio,
                       struct dub_error *error)
{
    struct tts_request plain = *request;
    if (plain.rate == 0.0)
        plain.rate = 1.0;
    if (!guard_has_letters(request->text))
        return true;
    if (!tts->ops->speak(tts->engine, &plain, audio, error))
        return false;
    edges_trim(audio, KEEP_MS);
    if (!check_clip(audio, error))
        return false;
    loudness_normalise(audio, LOUDNESS_SPEECH_DBFS, MAX_GAIN_DB);
    edges_fade(audio, FADE_MS);
    return true;
}

bool tts_speak(struct tts *tts, const struct tts_request *request, struct tts_result *result,
               struct dub_error *error)
{
    tts_result_clear(result);
    if (!check_request(tts, request, error))
        return false;
    int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());
    bool done = ask_engine(tts, request, &result->audio, error);
    if (!done)
        pcm_clear(&result->audio);
    result->took_ms = (double)(dub_clock_now_ns(dub_clock_monotonic()) - start_ns) / (double)DUB_NS_PER_MS;
    return done;
}
