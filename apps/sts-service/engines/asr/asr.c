/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "asr.h"

#include "../chain.h"
#include "../choice.h"
#include "engines.h"

const struct asr_engine_ops *const asr_engines[] = {&asr_openai,
#ifdef HAVE_WHISPER
                                                    &asr_whisper,
#endif
                                                    &asr_pocketsphinx, &asr_mock, NULL};

struct asr {
    const struct asr_engine_ops *ops;
    struct asr_engine *engine;
    int max_concurrency;
};

static void clear_word(void *data)
{
    struct asr_word *word = data;
    g_free(word->text);
}

void asr_transcript_clear(struct asr_transcript *transcript)
{
    g_free(transcript->text);
    g_clear_pointer(&transcript->words, g_array_unref);
    *transcript = (struct asr_transcript){0};
}

void asr_transcript_add_word(struct asr_transcript *transcript, const char *text, int64_t start_ms,
                             int64_t end_ms, double confidence)
{
    if (!transcript->words) {
        transcript->words = g_array_new(FALSE, FALSE, sizeof(struct asr_word));
        g_array_set_clear_func(transcript->words, clear_word);
    }
    struct asr_word word = {
        .text = g_strdup(text), .start_ms = start_ms, .end_ms = end_ms, .confidence = confidence};
    g_array_append_val(transcript->words, word);
}

static struct asr *wrap(const struct asr_link *link, int max_concurrency, const struct engine_config *config)
{
    struct asr *asr = g_new0(struct asr, 1);
    int wanted = config->workers > 0 ? config->workers : (int)g_get_num_processors();
    asr->ops = link->ops;
    asr->engine = link->engine;
    asr->max_concurrency = CLAMP(wanted, 1, max_concurrency);
    return asr;
}

/* Takes the links, of which there is at least one. */
static struct asr *wrap_all(const struct asr_link *links, unsigned count, const struct engine_config *config)
{
    struct asr_link whole = links[0];
    int max_concurrency = G_MAXINT;
    for (unsigned i = 0; i < count; i++)
        max_concurrency = MIN(max_concurrency, links[i].ops->max_concurrency);
    if (count > 1)
        whole = (struct asr_link){&asr_chain, asr_chain_new(links, count, config)};
    return wrap(&whole, max_concurrency, config);
}

/* How many have been created: one by its name; by "auto" the best, and behind those that ask somebody over
 * the network the best that does not. 0: none, error says why. */
static unsigned create(const char *name, const struct engine_config *config, struct asr_link *links,
                       struct dub_error *error)
{
    struct engine_choice choice = engine_choice_on(DUB_STAGE_ASR, name);
    unsigned count = 0;
    for (const struct asr_engine_ops *const *ops = asr_engines; *ops && count < CHAIN_MAX_LINKS; ops++) {
        if (!engine_choice_wants(&choice, (*ops)->name, (*ops)->automatic))
            continue;
        struct asr_engine *engine = (*ops)->create(config, &choice.error);
        if (!engine) {
            engine_choice_failed(&choice, (*ops)->name);
            continue;
        }
        links[count++] = (struct asr_link){*ops, engine};
        if (choice.wanted || !(*ops)->remote)
            return count;
    }
    if (count == 0)
        engine_choice_give_up(&choice, error);
    return count;
}

static struct asr *open_chain(const char *name, const struct engine_config *config, struct dub_error *error)
{
    struct asr_link links[CHAIN_MAX_LINKS];
    struct chain_names names;
    unsigned count = 0;
    if (!chain_names_read(&names, name, config->model, DUB_STAGE_ASR, error))
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

struct asr *asr_open(const char *name, const struct engine_config *config, struct dub_error *error)
{
    struct asr_link links[CHAIN_MAX_LINKS];
    if (chain_is_named(name))
        return open_chain(name, config, error);
    unsigned count = create(name, config, links, error);
    return count > 0 ? wrap_all(links, count, config) : NULL;
}

void asr_close(struct asr *asr)
{
    if (!asr)
        return;
    asr->ops->destroy(asr->engine);
    g_free(asr);
}

void asr_describe(const struct asr *asr, struct engine_info *info)
{
    *info = (struct engine_info){.name = asr->ops->name, .summary = asr->ops->summary};
    asr->ops->describe(asr->engine, info);
}

char *asr_link_used(const struct asr_link *link)
{
    struct engine_info info = {0};
    link->ops->describe(link->engine, &info);
    char *used = engine_used(link->ops->name, info.model);
    engine_info_clear(&info);
    return used;
}

bool asr_supports(const struct asr *asr, const char *language)
{
    g_autofree char *base = engine_language_base(language);
    return base && asr->ops->supports(asr->engine, base);
}

int asr_max_concurrency(const struct asr *asr)
{
    return asr->max_concurrency;
}

void asr_prepare(struct asr *asr, const char *const *hints)
{
    if (asr->ops->prepare && hints)
        asr->ops->prepare(asr->engine, hints);
}

void asr_forget(struct asr *asr, const char *session_id)
{
    if (asr->ops->forget)
        asr->ops->forget(asr->engine, session_id);
}

static bool check_request(const struct asr *asr, const struct asr_request *request, struct dub_error *error)
{
    const struct pcm *audio = request->audio;
    if (!audio || audio->count == 0 || audio->rate_hz < PCM_MIN_RATE_HZ || audio->rate_hz > PCM_MAX_RATE_HZ)
        return dub_error_set_stage(error, DUB_ERROR_INVALID_AUDIO_FORMAT, DUB_STAGE_ASR,
                                   "no audio to recognise: %zu samples at %d Hz", audio ? audio->count : 0,
                                   audio ? audio->rate_hz : 0);
    if (!asr_supports(asr, request->language))
        return dub_error_set_stage(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR, DUB_STAGE_ASR,
                                   "%s does not recognise language \"%s\"", asr->ops->name,
                                   request->language ? request->language : "");
    return engine_call_go_on(&request->call, DUB_STAGE_ASR, error);
}

bool asr_transcribe(struct asr *asr, const struct asr_request *request, struct asr_transcript *transcript,
                    struct dub_error *error)
{
    asr_transcript_clear(transcript);
    if (!check_request(asr, request, error))
        return false;
    int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());
    bool done = asr->ops->transcribe(asr->engine, request, transcript, error);
    transcript->took_ms =
        (double)(dub_clock_now_ns(dub_clock_monotonic()) - start_ns) / (double)DUB_NS_PER_MS;
    if (done && !transcript->text)
        transcript->text = g_strdup("");
    if (done && !transcript->words)
        transcript->words = g_array_new(FALSE, FALSE, sizeof(struct asr_word));
    return done;
}
