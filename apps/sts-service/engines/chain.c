/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chain.h"

#include <dubbing_log.h>
#include <dubbing_text.h>
#include <pthread.h>
#include <string.h>

/* Streams that are remembered; beyond that the ones not heard of for so long are forgotten. */
#define MANY_STREAMS 64
#define FORGET_NS (600 * DUB_NS_PER_S)

/* What one stream has seen of one engine. */
struct view {
    int failures;     /* in a row */
    int64_t pause_ns; /* of the last pause; 0: never */
    int64_t until_ns; /* left alone until then; 0: it is not */
    bool probing;     /* asked once more, its answer is awaited */
};

struct stream {
    struct view views[CHAIN_MAX_LINKS];
    int64_t seen_ns;
};

struct chain {
    enum dub_stage stage;
    unsigned count;
    const char *names[CHAIN_MAX_LINKS];
    char *name;
    const struct dub_clock *clock;
    engine_observer *observe;
    void *observer;
    pthread_mutex_t lock;
    GHashTable *streams; /* guarded by lock: struct stream by session id, "" for single requests */
};

bool chain_is_named(const char *text)
{
    return text && strpbrk(text, ",:");
}

void chain_names_clear(struct chain_names *names)
{
    for (unsigned i = 0; i < CHAIN_MAX_LINKS; i++) {
        g_free(names->name[i]);
        g_free(names->model[i]);
    }
    *names = (struct chain_names){0};
}

static void add_name(struct chain_names *names, char *entry)
{
    char *model = strchr(entry, ':');
    if (model)
        *model++ = '\0';
    names->name[names->count] = g_strdup(g_strstrip(entry));
    names->model[names->count] = model && *g_strstrip(model) ? g_strdup(model) : NULL;
    names->count++;
}

static bool is_good(const struct chain_names *names, const char *name)
{
    return name && *name && strcmp(name, "auto") != 0 && names->count <= CHAIN_MAX_LINKS;
}

bool chain_names_read(struct chain_names *names, const char *text, const char *first_model,
                      enum dub_stage stage, struct dub_error *error)
{
    g_auto(GStrv) entries = g_strsplit(text, ",", -1);
    bool good = g_strv_length(entries) <= CHAIN_MAX_LINKS;
    *names = (struct chain_names){0};
    for (char **entry = entries; good && *entry; entry++) {
        add_name(names, *entry);
        good = is_good(names, names->name[names->count - 1]);
    }
    if (good && !names->model[0] && first_model && *first_model)
        names->model[0] = g_strdup(first_model);
    if (good)
        return true;
    chain_names_clear(names);
    g_autofree char *upper = g_ascii_strup(dub_stage_name(stage), -1);
    return dub_error_set_stage(
        error, DUB_ERROR_INVALID_CONFIG, stage,
        "STS_%s_ENGINE is \"%.*s\": allowed is auto, an engine, or up to %d engines "
        "joined by commas, each with a model after a colon where it has one of its own",
        upper, dub_text_cut(text, 60), text, CHAIN_MAX_LINKS);
}

struct chain *chain_new(enum dub_stage stage, const char *const *names, unsigned count,
                        const struct engine_config *config, const struct dub_clock *clock)
{
    struct chain *chain = g_new0(struct chain, 1);
    GString *name = g_string_new(NULL);
    chain->stage = stage;
    chain->count = MIN(count, CHAIN_MAX_LINKS);
    for (unsigned i = 0; i < chain->count; i++) {
        chain->names[i] = names[i];
        g_string_append_printf(name, "%s%s", i > 0 ? "," : "", names[i]);
    }
    chain->name = g_string_free(name, FALSE);
    chain->clock = clock ? clock : dub_clock_monotonic();
    chain->observe = config->observe;
    chain->observer = config->observer;
    chain->streams = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    pthread_mutex_init(&chain->lock, NULL);
    return chain;
}

void chain_free(struct chain *chain)
{
    if (!chain)
        return;
    g_hash_table_unref(chain->streams);
    pthread_mutex_destroy(&chain->lock);
    g_free(chain->name);
    g_free(chain);
}

const char *chain_name(const struct chain *chain)
{
    return chain->name;
}

static int64_t now_ns(const struct chain *chain)
{
    return dub_clock_now_ns(chain->clock);
}

static gboolean is_forgotten(gpointer key, gpointer value, gpointer user)
{
    const struct stream *stream = value;
    const int64_t *now = user;
    return *now - stream->seen_ns > FORGET_NS;
}

/* With the lock held. */
static struct stream *stream_of(struct chain *chain, const char *session_id)
{
    const char *key = session_id ? session_id : "";
    int64_t now = now_ns(chain);
    struct stream *stream = g_hash_table_lookup(chain->streams, key);
    if (!stream) {
        if (g_hash_table_size(chain->streams) >= MANY_STREAMS)
            g_hash_table_foreach_remove(chain->streams, is_forgotten, &now);
        stream = g_new0(struct stream, 1);
        g_hash_table_insert(chain->streams, g_strdup(key), stream);
    }
    stream->seen_ns = now;
    return stream;
}

static void observe(const struct chain_walk *walk, const char *result)
{
    struct chain *chain = walk->chain;
    if (chain->observe && walk->call->fragment != ENGINE_CALL_WARM_UP)
        chain->observe(chain->stage, chain->names[walk->at], result, chain->observer);
}

struct chain_walk chain_walk_begin(struct chain *chain, const struct engine_call *call, unsigned able)
{
    return (struct chain_walk){.chain = chain, .call = call, .own = *call, .able = able, .at = -1};
}

static bool is_last(const struct chain_walk *walk)
{
    return walk->able >> (walk->at + 1) == 0;
}

/* Whether the link may be asked now. */
static bool admit(struct chain_walk *walk)
{
    struct chain *chain = walk->chain;
    pthread_mutex_lock(&chain->lock);
    struct view *view = &stream_of(chain, walk->call->session_id)->views[walk->at];
    bool paused = view->until_ns > 0;
    bool due = paused && now_ns(chain) >= view->until_ns && !view->probing;
    walk->probe = due;
    view->probing = view->probing || due;
    pthread_mutex_unlock(&chain->lock);
    return !paused || due || is_last(walk);
}

static void set_terms(struct chain_walk *walk)
{
    int64_t now = now_ns(walk->chain);
    walk->own = *walk->call;
    if (is_last(walk))
        return;
    walk->own.deadline_ns =
        walk->call->deadline_ns > 0 ? now + (walk->call->deadline_ns - now) / 2 : now + CHAIN_SLOW_NS;
}

int chain_walk_next(struct chain_walk *walk)
{
    while (walk->at + 1 < (int)walk->chain->count) {
        walk->at++;
        if (!(walk->able & (1u << walk->at)))
            continue;
        if (admit(walk)) {
            set_terms(walk);
            return walk->at;
        }
        observe(walk, "avoided");
    }
    return -1;
}

static void note_success(struct view *view)
{
    *view = (struct view){0};
}

static void note_failure(struct view *view, int64_t now, bool probe)
{
    view->failures++;
    if (probe)
        view->probing = false;
    if (!probe && (view->until_ns > 0 || view->failures < CHAIN_MAX_FAILURES))
        return;
    view->pause_ns = view->pause_ns > 0 ? MIN(view->pause_ns * 2, CHAIN_MAX_PAUSE_NS) : CHAIN_FIRST_PAUSE_NS;
    view->until_ns = now + view->pause_ns;
}

/* Failures that say something about the phrase and nothing about the engine. */
static bool is_of_the_phrase(enum dub_error_code code)
{
    return code == DUB_ERROR_HALLUCINATION_SUSPECTED || code == DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR ||
           code == DUB_ERROR_INVALID_AUDIO_FORMAT || code == DUB_ERROR_INVALID_ARGUMENT;
}

static void learn(struct chain_walk *walk, bool done, enum dub_error_code code)
{
    struct chain *chain = walk->chain;
    bool paused = false;
    pthread_mutex_lock(&chain->lock);
    struct view *view = &stream_of(chain, walk->call->session_id)->views[walk->at];
    bool was_paused = view->until_ns > 0;
    if (done)
        note_success(view);
    else if (!is_of_the_phrase(code))
        note_failure(view, now_ns(chain), walk->probe);
    else if (walk->probe)
        view->probing = false;
    paused = view->until_ns > 0;
    pthread_mutex_unlock(&chain->lock);
    walk->probe = false;
    const char *session = walk->call->session_id ? walk->call->session_id : "(single requests)";
    if (paused != was_paused)
        dub_log_info("%s engine %s %s for session %s", dub_stage_name(chain->stage), chain->names[walk->at],
                     paused ? "is left alone for a while" : "serves again", session);
}

/* A probe that was called back is none. */
static void drop_probe(struct chain_walk *walk)
{
    if (!walk->probe)
        return;
    pthread_mutex_lock(&walk->chain->lock);
    stream_of(walk->chain, walk->call->session_id)->views[walk->at].probing = false;
    pthread_mutex_unlock(&walk->chain->lock);
    walk->probe = false;
}

static bool is_cancelled(const struct engine_call *call)
{
    return call->cancellable && g_cancellable_is_cancelled(call->cancellable);
}

bool chain_walk_tell(struct chain_walk *walk, bool done, const struct dub_error *error)
{
    if (!done && is_cancelled(walk->call)) {
        drop_probe(walk);
        return false;
    }
    learn(walk, done, done ? DUB_ERROR_NONE : error->code);
    observe(walk, done ? "served" : error->code == DUB_ERROR_TIMEOUT ? "slow" : "failed");
    if (done || is_last(walk))
        return false;
    return walk->call->deadline_ns <= 0 || now_ns(walk->chain) < walk->call->deadline_ns;
}

void chain_walk_served(const struct chain_walk *walk, char *used)
{
    char **note = walk->call->used;
    if (!note) {
        g_free(used);
        return;
    }
    g_free(*note);
    *note = used;
}
