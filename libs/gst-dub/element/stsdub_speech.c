/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Phrases on their way to the sts-service and back. */
#include "stsdub.h"

#include "dubbing_gst.h"
#include "sound/clip.h"
#include "sound/samples.h"

/* What an answer needs to become a clip; and with it the exchange says TIMEOUT before the mixer gives up. */
#define ANSWER_MARGIN_NS (50 * DUB_NS_PER_MS)

static int64_t deadline_ns(StsDub *self, int64_t start_ns)
{
    g_autoptr(GstClock) clock = gst_element_get_clock(GST_ELEMENT(self));
    if (!self->settings.live || clock == NULL)
        return INT64_MAX;
    pthread_mutex_lock(&self->lock);
    GstClockTime last = sts_dub_due_time(self, start_ns) + self->settings.max_lag_ns;
    pthread_mutex_unlock(&self->lock);
    int64_t left_ns = (int64_t)last - (int64_t)gst_clock_get_time(clock) - ANSWER_MARGIN_NS;
    return dub_clock_now_ns(dub_clock_monotonic()) + left_ns;
}

/* The speech that a clip will be made as loud as. */
static void remember_loudness(StsDub *self, const struct dub_dubber_request *request)
{
    uint64_t *id = g_new(uint64_t, 1);
    double *lufs = g_new(double, 1);
    *id = request->id;
    *lufs = dub_clip_loudness_lufs(request->samples, request->n_samples, DUB_RATE_HZ);
    pthread_mutex_lock(&self->lock);
    g_hash_table_replace(self->source_lufs, id, lufs);
    pthread_mutex_unlock(&self->lock);
}

static double recall_loudness(StsDub *self, uint64_t id)
{
    pthread_mutex_lock(&self->lock);
    const double *found = g_hash_table_lookup(self->source_lufs, &id);
    double lufs = found != NULL ? *found : -INFINITY;
    g_hash_table_remove(self->source_lufs, &id);
    pthread_mutex_unlock(&self->lock);
    return lufs;
}

static void fail(StsDub *self, uint64_t id, const struct dub_dubber_answer *answer, const char *reason)
{
    pthread_mutex_lock(&self->lock);
    dub_dubber_failed(self->dubber, id, answer, reason);
    g_hash_table_remove(self->source_lufs, &id);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void skip(StsDub *self, uint64_t id, const char *reason)
{
    pthread_mutex_lock(&self->lock);
    dub_dubber_skip(self->dubber, id, reason);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void send_request(StsDub *self, const struct dub_dubber_request *request)
{
    static const struct dub_dubber_answer nothing = {0};
    struct dub_exchange_fragment fragment = {
        .id = request->id,
        .start_ns = request->start_ns,
        .duration_ns = request->duration_ns,
        .max_duration_ns = request->max_duration_ns,
        .deadline_ns = deadline_ns(self, request->start_ns),
    };
    fragment.samples = dub_clip_resample_s16(request->samples, request->n_samples, DUB_RATE_HZ,
                                             DUB_EXCHANGE_RATE_HZ, &fragment.n_samples);
    remember_loudness(self, request);
    if (dub_exchange_submit(self->exchange, &fragment))
        return;
    g_free(fragment.samples);
    fail(self, request->id, &nothing, dub_error_code_name(DUB_ERROR_QUEUE_FULL));
}

static bool take_request(StsDub *self, struct dub_dubber_request *request)
{
    pthread_mutex_lock(&self->lock);
    bool taken = dub_dubber_take_request(self->dubber, request);
    pthread_mutex_unlock(&self->lock);
    return taken;
}

static bool is_bypassed(StsDub *self)
{
    pthread_mutex_lock(&self->lock);
    bool bypassed = self->settings.bypass;
    pthread_mutex_unlock(&self->lock);
    return bypassed;
}

static void learn_round_trip(StsDub *self)
{
    /* Not live, the mixer waits for every phrase: sentences stay whole, however long the service takes. */
    int64_t rtt_ns = 0;
    if (self->settings.live) {
        rtt_ns = self->exchange != NULL ? dub_exchange_rtt_p95_ns(self->exchange, STS_DUB_RTT_GUESS_NS)
                                        : STS_DUB_RTT_GUESS_NS;
        rtt_ns += STS_DUB_RTT_MARGIN_NS;
    }
    pthread_mutex_lock(&self->lock);
    dub_dubber_set_rtt(self->dubber, rtt_ns);
    pthread_mutex_unlock(&self->lock);
}

void sts_dub_send_requests(StsDub *self)
{
    struct dub_dubber_request request;
    bool any = false;
    while (take_request(self, &request)) {
        any = true;
        if (self->exchange == NULL)
            skip(self, request.id, DUB_REASON_DISABLED);
        else if (is_bypassed(self))
            skip(self, request.id, DUB_REASON_BYPASSED);
        else
            send_request(self, &request);
        g_free(request.samples);
    }
    if (any)
        learn_round_trip(self);
    sts_dub_report_phrases(self);
}

/* Answers */

/* On the stretch thread. */
static void on_faster(uint64_t id, double speed, struct dub_clip *clip, void *user)
{
    StsDub *self = user;
    pthread_mutex_lock(&self->lock);
    self->stretched_phrases +=
        dub_dubber_faster_clip(self->dubber, id, speed, g_steal_pointer(&clip->samples), clip->n_samples);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void keep_clip(StsDub *self, uint64_t id)
{
    pthread_mutex_lock(&self->lock);
    dub_dubber_keep_clip(self->dubber, id);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

/* A copy of the clip where making it faster saves the phrase after it; the clip itself stays at hand, so that
 * nothing is lost when that takes too long. */
static double copy_to_hurry(StsDub *self, uint64_t id, const struct dub_clip *clip, struct dub_clip *copy)
{
    *copy = (struct dub_clip){0};
    pthread_mutex_lock(&self->lock);
    double speed = dub_dubber_speed(self->dubber, id, clip->n_samples);
    pthread_mutex_unlock(&self->lock);
    if (speed > 1) {
        copy->samples = g_memdup2(clip->samples, clip->n_samples * sizeof(*clip->samples));
        copy->n_samples = clip->n_samples;
    }
    return speed;
}

static void use_dub(StsDub *self, const struct dub_exchange_result *result,
                    const struct dub_dubber_answer *answer)
{
    struct dub_clip clip;
    struct dub_error error;
    double source_lufs = recall_loudness(self, result->id);
    if (!dub_clip_prepare(result->samples, result->n_samples, result->rate_hz, source_lufs, &clip, &error)) {
        GST_WARNING_OBJECT(self, "phrase %" G_GUINT64_FORMAT ": %s", result->id, error.message);
        fail(self, result->id, answer, dub_error_code_name(error.code));
        return;
    }
    struct dub_clip copy;
    double speed = copy_to_hurry(self, result->id, &clip, &copy);
    pthread_mutex_lock(&self->lock);
    dub_dubber_clip(self->dubber, result->id, answer, clip.samples, clip.n_samples);
    if (speed > 1)
        dub_dubber_await_faster(self->dubber, result->id);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    if (speed > 1 && !dub_stretch_thread_submit(self->stretch, result->id, speed, &copy))
        keep_clip(self, result->id);
    g_free(copy.samples);
}

/* On the exchange's thread. */
static void on_result(struct dub_exchange_result *result, void *user)
{
    StsDub *self = user;
    struct dub_dubber_answer answer = {
        .fragment_id = result->fragment_id,
        .transcript = result->transcript,
        .translated_text = result->translated_text,
        .speed_ratio = result->speed_ratio,
        .rtt_ms = result->rtt_ms,
        .asr_ms = result->asr_ms,
        .translation_ms = result->translation_ms,
        .tts_ms = result->tts_ms,
    };
    if (result->dubbed)
        use_dub(self, result, &answer);
    else
        fail(self, result->id, &answer,
             result->no_speech ? DUB_REASON_NO_SPEECH : dub_error_code_name(result->error.code));
    sts_dub_report_phrases(self);
}

static void on_sent(uint64_t id, const char *fragment_id, void *user)
{
    StsDub *self = user;
    pthread_mutex_lock(&self->lock);
    dub_dubber_sent(self->dubber, id, fragment_id);
    pthread_mutex_unlock(&self->lock);
}

static struct dub_exchange *new_exchange(StsDub *self)
{
    static const struct dub_exchange_events events = {.on_result = on_result, .on_sent = on_sent};
    const struct sts_dub_settings *settings = &self->settings;
    struct dub_exchange_config config = {
        .url = settings->sts_url,
        .api_key = settings->sts_api_key,
        .stream_id = settings->stream_id,
        .worker_id = settings->worker_id,
        .source_language = settings->source_lang,
        .target_language = settings->target_lang,
        .voice_profile = settings->voice,
        .max_inflight = settings->max_inflight,
        .timeout_ms = settings->sts_timeout_ms,
        .capture_dir = settings->capture_dir,
        .clock = dub_clock_monotonic(),
    };
    return dub_exchange_new(&config, &events, self);
}

static const struct dub_stretch_thread_events stretch_events = {.on_faster = on_faster};

void sts_dub_open_exchange(StsDub *self)
{
    if (self->settings.sts_mode == STS_MODE_ENABLED) {
        self->stretch = dub_stretch_thread_new(&stretch_events, self);
        struct dub_exchange *exchange = new_exchange(self);
        pthread_mutex_lock(&self->exchange_lock);
        self->exchange = exchange;
        pthread_mutex_unlock(&self->exchange_lock);
    }
    learn_round_trip(self);
}

void sts_dub_get_exchange_stats(StsDub *self, struct dub_exchange_stats *stats)
{
    pthread_mutex_lock(&self->exchange_lock);
    *stats = self->sts_stats;
    if (self->exchange != NULL)
        dub_exchange_get_stats(self->exchange, stats);
    pthread_mutex_unlock(&self->exchange_lock);
}

void sts_dub_close_exchange(StsDub *self)
{
    if (self->exchange == NULL)
        return;
    struct dub_exchange_stats stats;
    dub_exchange_get_stats(self->exchange, &stats);
    stats.connected = false;
    struct dub_exchange *exchange = self->exchange;
    pthread_mutex_lock(&self->exchange_lock);
    self->exchange = NULL;
    self->sts_stats = stats;
    pthread_mutex_unlock(&self->exchange_lock);
    /* In this order: until the one has ended it may use the other. */
    dub_exchange_free(exchange);
    g_clear_pointer(&self->stretch, dub_stretch_thread_free);
}

/* Reports */

static struct dub_phrase *take_settled(StsDub *self)
{
    pthread_mutex_lock(&self->lock);
    struct dub_phrase *phrase = dub_ledger_take(dub_dubber_ledger(self->dubber));
    pthread_mutex_unlock(&self->lock);
    return phrase;
}

static GstStructure *phrase_structure(const struct dub_phrase *phrase)
{
    return gst_structure_new(
        DUB_GST_PHRASE_NAME, "seq", G_TYPE_UINT64, phrase->seq, "fragmentId", G_TYPE_STRING,
        phrase->fragment_id, "startMs", G_TYPE_INT64, phrase->start_ns / DUB_NS_PER_MS, "endMs", G_TYPE_INT64,
        phrase->end_ns / DUB_NS_PER_MS, "state", G_TYPE_STRING, dub_ledger_state_name(phrase->state),
        "reason", G_TYPE_STRING, phrase->reason, "transcript", G_TYPE_STRING, phrase->transcript,
        "translatedText", G_TYPE_STRING, phrase->translated_text, "lagMs", G_TYPE_INT64,
        phrase->lag_ns / DUB_NS_PER_MS, "speedRatio", G_TYPE_DOUBLE, phrase->speed_ratio, "rttMs",
        G_TYPE_INT64, phrase->rtt_ms, "asrMs", G_TYPE_INT64, phrase->asr_ms, "translationMs", G_TYPE_INT64,
        phrase->translation_ms, "ttsMs", G_TYPE_INT64, phrase->tts_ms, NULL);
}

void sts_dub_report_phrases(StsDub *self)
{
    struct dub_phrase *phrase;
    pthread_mutex_lock(&self->report_lock);
    while ((phrase = take_settled(self)) != NULL) {
        gst_element_post_message(GST_ELEMENT(self),
                                 gst_message_new_element(GST_OBJECT(self), phrase_structure(phrase)));
        dub_phrase_free(phrase);
    }
    pthread_mutex_unlock(&self->report_lock);
}
