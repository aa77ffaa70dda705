/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubber.h"

#include "limiter.h"
#include "pcm_ring.h"
#include "placing.h"
#include "samples.h"
#include "timeline.h"
#include "vad.h"
#include <string.h>

/* Sound that arrives ahead of its time, and fragments that reach back behind what was mixed, have room. */
#define AHEAD_SAMPLES DUB_MS_TO_SAMPLES(2000)
#define HISTORY_SAMPLES DUB_MS_TO_SAMPLES(7000)
/* Not live: room for phrases in flight. */
#define FILE_SAMPLES DUB_MS_TO_SAMPLES(30000)
/* Clips that are known are placed this much ahead, so that the bed can go down before and stay down between.
 */
#define PLACE_AHEAD_SAMPLES (DUB_MIXER_HOLD_SAMPLES + DUB_MIXER_ATTACK_SAMPLES + DUB_BLOCK_SAMPLES)

struct ready_clip {
    float *samples; /* owned */
    unsigned n_samples;
};

struct dub_dubber {
    struct dub_dubber_config config;
    struct dub_timeline timeline;
    struct dub_pcm_ring ring;
    struct dub_vad vad;
    struct dub_fragmenter fragmenter;
    struct dub_placing placing;
    struct dub_mixer mixer;
    struct dub_limiter limiter;
    struct dub_ledger ledger;
    GQueue requests;   /* struct found_span */
    GHashTable *clips; /* uint64_t id -> struct ready_clip, waiting to be placed */
    int64_t heard;     /* how far the detector has come */
    int64_t out;       /* position of the next block */
    int64_t mixed;     /* ahead of `out` by the limiter's delay once primed */
    int64_t history;   /* samples kept behind `out` */
    bool ended;
    struct dub_dubber_stats stats;
};

struct found_span {
    uint64_t id;
    int64_t start, end, slot;
};

static void free_clip(gpointer data)
{
    struct ready_clip *clip = data;
    g_free(clip->samples);
    g_free(clip);
}

static void on_placed(struct dub_dubber *dubber, struct dub_phrase *phrase, int64_t start)
{
    struct ready_clip *clip = g_hash_table_lookup(dubber->clips, &phrase->id);
    dub_mixer_add_dub(&dubber->mixer, start, g_steal_pointer(&clip->samples), clip->n_samples);
    phrase->lag_ns = MAX(dub_timeline_time_ns(&dubber->timeline, start) - phrase->start_ns, 0);
    dub_ledger_settle(&dubber->ledger, phrase, DUB_PHRASE_DUBBED, "");
}

/* The rest of the stretch that is still to come gets the fallback. */
static void fall_back(struct dub_dubber *dubber, const struct dub_phrase *phrase)
{
    int64_t start = dub_timeline_position(&dubber->timeline, phrase->start_ns);
    int64_t end = dub_timeline_position(&dubber->timeline, phrase->end_ns);
    if (end > dubber->mixed)
        dub_mixer_add_failed(&dubber->mixer, MAX(start, dubber->mixed), end);
}

static void on_placing_outcome(uint64_t id, enum dub_placing_outcome outcome, int64_t start, void *user)
{
    static const struct {
        enum dub_phrase_state state;
        const char *reason;
    } ends[] = {
        [DUB_PLACING_NOT_IN_TIME] = {DUB_PHRASE_PASSTHROUGH, DUB_REASON_TIMEOUT},
        [DUB_PLACING_LAG_BOUND] = {DUB_PHRASE_DROPPED, DUB_REASON_LAG_BOUND},
        [DUB_PLACING_OVERTAKEN] = {DUB_PHRASE_PASSTHROUGH, DUB_REASON_OVERTAKEN},
    };
    struct dub_dubber *dubber = user;
    struct dub_phrase *phrase = dub_ledger_find(&dubber->ledger, id);
    if (outcome == DUB_PLACING_PLACED) {
        on_placed(dubber, phrase, start);
    } else {
        fall_back(dubber, phrase);
        dub_ledger_settle(&dubber->ledger, phrase, ends[outcome].state, ends[outcome].reason);
    }
    g_hash_table_remove(dubber->clips, &id);
}

static unsigned ring_samples(const struct dub_dubber *dubber)
{
    int64_t ahead = dub_ns_to_samples(dubber->config.delay_ns) + AHEAD_SAMPLES;
    if (!dubber->config.live)
        ahead = FILE_SAMPLES + dub_ns_to_samples(dubber->config.segment_ns);
    return (unsigned)(ahead + dubber->history);
}

struct dub_dubber *dub_dubber_new(const struct dub_dubber_config *config)
{
    struct dub_dubber *dubber = g_new0(struct dub_dubber, 1);
    dubber->config = *config;
    dubber->history = HISTORY_SAMPLES;
    if (config->fragmenter == DUB_FRAGMENTER_FIXED)
        dubber->history = MAX(dubber->history, dub_ns_to_samples(config->segment_ns) + DUB_RATE_HZ);

    struct dub_placing_events events = {.on_outcome = on_placing_outcome, .user = dubber};
    dub_timeline_init(&dubber->timeline);
    dub_pcm_ring_init(&dubber->ring, ring_samples(dubber));
    dub_vad_init(&dubber->vad);
    dub_fragmenter_init(&dubber->fragmenter, config->fragmenter, dub_ns_to_samples(config->segment_ns));
    dub_placing_init(&dubber->placing, dub_ns_to_samples(config->max_lag_ns), &events);
    dub_mixer_init(&dubber->mixer);
    dub_limiter_init(&dubber->limiter);
    dub_ledger_init(&dubber->ledger);
    g_queue_init(&dubber->requests);
    dubber->clips = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_clip);
    return dubber;
}

void dub_dubber_free(struct dub_dubber *dubber)
{
    if (dubber == NULL)
        return;
    dub_pcm_ring_clear(&dubber->ring);
    dub_placing_clear(&dubber->placing);
    dub_mixer_clear(&dubber->mixer);
    dub_ledger_clear(&dubber->ledger);
    g_queue_clear_full(&dubber->requests, g_free);
    g_hash_table_unref(dubber->clips);
    g_free(dubber);
}

static void keep_timeline_counts(struct dub_dubber *dubber)
{
    dubber->stats.silence_samples += dubber->timeline.silence_samples;
    dubber->stats.trimmed_samples += dubber->timeline.trimmed_samples;
    dubber->stats.slewed_samples += dubber->timeline.slewed_samples;
}

void dub_dubber_reset(struct dub_dubber *dubber)
{
    dub_ledger_settle_all(&dubber->ledger, DUB_PHRASE_DROPPED, DUB_REASON_FLUSHED);
    keep_timeline_counts(dubber);
    dub_timeline_init(&dubber->timeline);
    dub_pcm_ring_reset(&dubber->ring);
    dub_vad_init(&dubber->vad);
    dub_fragmenter_init(&dubber->fragmenter, dubber->config.fragmenter,
                        dub_ns_to_samples(dubber->config.segment_ns));
    dub_placing_reset(&dubber->placing);
    dub_mixer_reset(&dubber->mixer);
    dub_limiter_reset(&dubber->limiter);
    g_queue_clear_full(&dubber->requests, g_free);
    g_hash_table_remove_all(dubber->clips);
    dubber->heard = dubber->out = dubber->mixed = 0;
    dubber->ended = false;
}

void dub_dubber_set_beds(struct dub_dubber *dubber, enum dub_bed under_dub, enum dub_bed under_failed)
{
    dubber->mixer.under_dub = under_dub;
    dubber->mixer.under_failed = under_failed;
}

void dub_dubber_set_rtt(struct dub_dubber *dubber, int64_t rtt_ns)
{
    dub_fragmenter_set_limits(&dubber->fragmenter, dub_ns_to_samples(dubber->config.delay_ns),
                              dubber->placing.max_lag, dub_ns_to_samples(rtt_ns));
}

static void open_phrase(struct dub_dubber *dubber, const struct dub_fragment_span *span)
{
    struct dub_phrase *phrase =
        dub_ledger_open(&dubber->ledger, dub_timeline_time_ns(&dubber->timeline, span->start),
                        dub_timeline_time_ns(&dubber->timeline, span->end));
    struct found_span *found = g_new0(struct found_span, 1);
    *found = (struct found_span){
        .id = phrase->id,
        .start = span->start,
        .end = span->end,
        .slot = dub_placing_slot(&dubber->placing, span->start, span->end, span->pause),
    };
    g_queue_push_tail(&dubber->requests, found);
    dub_placing_add(&dubber->placing, phrase->id, span->start, span->end);
}

static void detect(struct dub_dubber *dubber, const int16_t *samples, struct dub_fragmenter_hop *hop)
{
    if (dubber->config.detector != NULL)
        dubber->config.detector(dubber->config.detector_user, samples, hop);
    else
        dub_vad_hop(&dubber->vad, samples, hop);
}

/* Lets the detector hear everything before `until`. */
static void listen(struct dub_dubber *dubber, int64_t until)
{
    if (!dubber->config.find_phrases) {
        dubber->heard = until;
        return;
    }
    int16_t samples[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
    for (; dubber->heard + DUB_BLOCK_SAMPLES <= until; dubber->heard += DUB_BLOCK_SAMPLES) {
        struct dub_fragmenter_hop hop;
        struct dub_fragment_span span;
        dub_pcm_ring_read(&dubber->ring, dubber->heard, samples, DUB_BLOCK_SAMPLES);
        detect(dubber, samples, &hop);
        if (dub_fragmenter_hop(&dubber->fragmenter, &hop, &span))
            open_phrase(dubber, &span);
    }
}

bool dub_dubber_fits(const struct dub_dubber *dubber, int64_t end_ns)
{
    if (!dubber->timeline.started)
        return true;
    /* The slew may add a little. */
    return dub_pcm_ring_fits(&dubber->ring,
                             dub_timeline_position(&dubber->timeline, end_ns) + DUB_BLOCK_SAMPLES * 4);
}

/* What was mixed already cannot be filled in any more. */
static void store(struct dub_dubber *dubber, int64_t position, const int16_t *samples, unsigned n_samples)
{
    unsigned late = (unsigned)CLAMP(dubber->mixed - position, 0, (int64_t)n_samples);
    dubber->stats.late_samples += late;
    if (late < n_samples)
        dub_pcm_ring_write(&dubber->ring, position + late, samples + (gsize)late * DUB_CHANNELS,
                           n_samples - late);
}

/* Spreads the samples to be added or removed over the whole buffer. */
static void store_stretched(struct dub_dubber *dubber, int64_t position, const int16_t *samples,
                            unsigned n_samples, int stretch_samples)
{
    g_autofree int16_t *stretched =
        g_new(int16_t, ((gsize)n_samples + (gsize)ABS(stretch_samples)) * DUB_CHANNELS);
    unsigned n_out = (unsigned)((int)n_samples + stretch_samples);
    dub_timeline_stretch(samples, n_samples, stretched, n_out);
    store(dubber, position, stretched, n_out);
}

int64_t dub_dubber_write(struct dub_dubber *dubber, int64_t pts_ns, const int16_t *samples,
                         unsigned n_samples, bool discontinuity)
{
    struct dub_timeline_step step = dub_timeline_place(&dubber->timeline, pts_ns, n_samples, discontinuity);
    int64_t late = dubber->mixed - step.position;
    unsigned n_left = n_samples - step.skip_samples;
    samples += (gsize)step.skip_samples * DUB_CHANNELS;
    if (step.stretch_samples == 0)
        store(dubber, step.position, samples, n_left);
    else
        store_stretched(dubber, step.position, samples, n_left, step.stretch_samples);
    listen(dubber, dubber->ring.end);
    return dub_samples_to_ns(late);
}

void dub_dubber_gap(struct dub_dubber *dubber, int64_t pts_ns, int64_t duration_ns)
{
    static const int16_t silence[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
    int64_t left = dub_ns_to_samples(duration_ns);
    for (int64_t done = 0; done < left; done += DUB_BLOCK_SAMPLES) {
        unsigned n = (unsigned)MIN(left - done, DUB_BLOCK_SAMPLES);
        dub_dubber_write(dubber, pts_ns + dub_samples_to_ns(done), silence, n, false);
    }
}

int64_t dub_dubber_input_ns(const struct dub_dubber *dubber)
{
    return dub_timeline_time_ns(&dubber->timeline, dubber->timeline.next);
}

void dub_dubber_end(struct dub_dubber *dubber)
{
    struct dub_fragment_span span;
    if (dubber->ended)
        return;
    dubber->ended = true;
    if (dubber->config.find_phrases && dub_fragmenter_end(&dubber->fragmenter, &span))
        open_phrase(dubber, &span);
}

bool dub_dubber_take_request(struct dub_dubber *dubber, struct dub_dubber_request *request)
{
    g_autofree struct found_span *found = g_queue_pop_head(&dubber->requests);
    if (found == NULL)
        return false;
    unsigned n_samples = (unsigned)(found->end - found->start);
    *request = (struct dub_dubber_request){
        .id = found->id,
        .start_ns = dub_timeline_time_ns(&dubber->timeline, found->start),
        .duration_ns = dub_samples_to_ns(n_samples),
        .max_duration_ns = dub_samples_to_ns(found->slot),
        .samples = g_new(int16_t, n_samples),
        .n_samples = n_samples,
    };
    dub_pcm_ring_read_mono(&dubber->ring, found->start, request->samples, n_samples);
    return true;
}

static void record_answer(struct dub_phrase *phrase, const struct dub_dubber_answer *answer)
{
    dub_phrase_set_text(&phrase->fragment_id, answer->fragment_id);
    dub_phrase_set_text(&phrase->transcript, answer->transcript);
    dub_phrase_set_text(&phrase->translated_text, answer->translated_text);
    phrase->speed_ratio = answer->speed_ratio;
    phrase->rtt_ms = answer->rtt_ms;
    phrase->asr_ms = answer->asr_ms;
    phrase->translation_ms = answer->translation_ms;
    phrase->tts_ms = answer->tts_ms;
}

/* NULL, counted, when the phrase was settled without waiting for this. */
static struct dub_phrase *answered(struct dub_dubber *dubber, uint64_t id)
{
    struct dub_phrase *phrase = dub_ledger_find(&dubber->ledger, id);
    if (phrase == NULL)
        dubber->stats.late_answers++;
    return phrase;
}

void dub_dubber_clip(struct dub_dubber *dubber, uint64_t id, const struct dub_dubber_answer *answer,
                     float *take_samples, unsigned n_samples)
{
    struct dub_phrase *phrase = answered(dubber, id);
    if (phrase == NULL) {
        g_free(take_samples);
        return;
    }
    record_answer(phrase, answer);
    uint64_t *key = g_new(uint64_t, 1);
    struct ready_clip *clip = g_new(struct ready_clip, 1);
    *key = id;
    *clip = (struct ready_clip){.samples = take_samples, .n_samples = n_samples};
    g_hash_table_replace(dubber->clips, key, clip);
    dub_placing_clip(&dubber->placing, id, n_samples);
}

void dub_dubber_failed(struct dub_dubber *dubber, uint64_t id, const struct dub_dubber_answer *answer,
                       const char *reason)
{
    struct dub_phrase *phrase = answered(dubber, id);
    if (phrase == NULL)
        return;
    record_answer(phrase, answer);
    dub_placing_cancel(&dubber->placing, id);
    fall_back(dubber, phrase);
    dub_ledger_settle(&dubber->ledger, phrase, DUB_PHRASE_PASSTHROUGH, reason);
}

void dub_dubber_skip(struct dub_dubber *dubber, uint64_t id, const char *reason)
{
    struct dub_phrase *phrase = answered(dubber, id);
    if (phrase == NULL)
        return;
    dub_placing_cancel(&dubber->placing, id);
    dub_ledger_settle(&dubber->ledger, phrase, DUB_PHRASE_PASSTHROUGH, reason);
}

bool dub_dubber_started(const struct dub_dubber *dubber)
{
    return dubber->timeline.started;
}

int64_t dub_dubber_next_ns(const struct dub_dubber *dubber)
{
    return dub_timeline_time_ns(&dubber->timeline, dubber->out);
}

/* Up to where nothing that is still unknown can be heard. */
static int64_t settled_until(const struct dub_dubber *dubber)
{
    int64_t until = dub_placing_first_missing(&dubber->placing);
    if (dubber->ended)
        return until;
    int64_t frontier = dubber->config.find_phrases ? dub_fragmenter_frontier(&dubber->fragmenter)
                                                   : dubber->ring.end + PLACE_AHEAD_SAMPLES;
    return MIN(until, MIN(frontier, dubber->ring.end + PLACE_AHEAD_SAMPLES));
}

bool dub_dubber_ready(const struct dub_dubber *dubber)
{
    int64_t until = settled_until(dubber);
    if (until == INT64_MAX)
        return true;
    int64_t needed = dubber->out + DUB_LIMITER_DELAY_SAMPLES + DUB_BLOCK_SAMPLES + PLACE_AHEAD_SAMPLES;
    return dubber->timeline.started && needed <= until;
}

/* Where the output ends, as far as is known now: the clip heard last may outlast the original. */
static int64_t end_of_output(const struct dub_dubber *dubber)
{
    if (!dubber->ended || !dub_placing_is_idle(&dubber->placing))
        return INT64_MAX;
    return MAX(dubber->timeline.next, dub_mixer_dub_end(&dubber->mixer));
}

static void mix(struct dub_dubber *dubber, float *out, unsigned n_samples)
{
    int16_t original[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
    if (dubber->ended && dubber->mixed >= dubber->timeline.next)
        dub_placing_give_up_missing(&dubber->placing);
    dub_placing_advance(&dubber->placing, dubber->mixed, PLACE_AHEAD_SAMPLES);
    dub_pcm_ring_read(&dubber->ring, dubber->mixed, original, n_samples);
    dub_mixer_run(&dubber->mixer, dubber->mixed, original, out, n_samples);
    dub_limiter_run(&dubber->limiter, out, n_samples);
    dubber->mixed += n_samples;
    /* Input that has not come is silence now, for the detector too. */
    if (dubber->mixed > dubber->ring.end && !dubber->ended)
        listen(dubber, dubber->mixed);
}

static void to_s16(const float *in, int16_t *out, unsigned n_values)
{
    for (unsigned i = 0; i < n_values; i++) {
        float value = in[i] * 32768;
        value += value < 0 ? -0.5f : 0.5f;
        value = value > 32767 ? 32767 : value;
        value = value < -32768 ? -32768 : value;
        out[i] = (int16_t)value;
    }
}

unsigned dub_dubber_mix(struct dub_dubber *dubber, int16_t *samples)
{
    float mixed[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
    if (!dubber->timeline.started || dubber->out >= end_of_output(dubber))
        return 0;
    if (dubber->mixed == dubber->out) /* primes the limiter; what comes out is from before the beginning */
        mix(dubber, mixed, DUB_LIMITER_DELAY_SAMPLES);
    mix(dubber, mixed, DUB_BLOCK_SAMPLES);
    to_s16(mixed, samples, DUB_BLOCK_SAMPLES * DUB_CHANNELS);

    /* The end may turn out to lie behind, where the input had been missing before it ended. */
    unsigned n_samples = (unsigned)CLAMP(end_of_output(dubber) - dubber->out, 0, DUB_BLOCK_SAMPLES);
    dubber->out += n_samples;
    dub_pcm_ring_release(&dubber->ring, dubber->out - dubber->history);
    return n_samples;
}

struct dub_ledger *dub_dubber_ledger(struct dub_dubber *dubber)
{
    return &dubber->ledger;
}

void dub_dubber_get_stats(const struct dub_dubber *dubber, struct dub_dubber_stats *stats)
{
    *stats = dubber->stats;
    stats->silence_samples += dubber->timeline.silence_samples;
    stats->trimmed_samples += dubber->timeline.trimmed_samples;
    stats->slewed_samples += dubber->timeline.slewed_samples;
}
