/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubber_private.h"

#include <string.h>

/* Sound that arrives ahead of its time, and fragments that reach back behind what was mixed, have room. */
#define AHEAD_SAMPLES DUB_MS_TO_SAMPLES(2000)
#define HISTORY_SAMPLES DUB_MS_TO_SAMPLES(7000)
/* Not live: room for phrases in flight. */
#define FILE_SAMPLES DUB_MS_TO_SAMPLES(30000)
/* Clips that are known are placed this much ahead, so that the bed can go down before and stay down between.
 */
#define PLACE_AHEAD_SAMPLES (DUB_MIXER_HOLD_SAMPLES + DUB_MIXER_ATTACK_SAMPLES + DUB_BLOCK_SAMPLES)

/* A live input from which nothing came while this much went out is taken for lost: a sentence that waits for
 * more would miss its time. */
#define STARVED_SAMPLES DUB_MS_TO_SAMPLES(1000)

static unsigned ring_samples(const struct dub_dubber *dubber)
{
    int64_t ahead = dub_ns_to_samples(dubber->config.delay_ns) + AHEAD_SAMPLES;
    if (!dubber->config.live)
        ahead = FILE_SAMPLES + dub_ns_to_samples(dubber->config.segment_ns);
    return (unsigned)(ahead + dubber->history);
}

static void read_original(void *user, int64_t position, int16_t *samples, unsigned n_samples)
{
    const struct dub_dubber *dubber = user;
    dub_pcm_ring_read(&dubber->ring, position, samples, n_samples);
}

struct dub_dubber *dub_dubber_new(const struct dub_dubber_config *config)
{
    struct dub_dubber *dubber = g_new0(struct dub_dubber, 1);
    dubber->config = *config;
    dubber->history = HISTORY_SAMPLES;
    if (config->fragmenter == DUB_FRAGMENTER_FIXED)
        dubber->history = MAX(dubber->history, dub_ns_to_samples(config->segment_ns) + DUB_RATE_HZ);

    struct dub_placing_events events = {.on_outcome = dub_dubber_on_placing_outcome, .user = dubber};
    dub_timeline_init(&dubber->timeline);
    dub_pcm_ring_init(&dubber->ring, ring_samples(dubber));
    dub_vad_init(&dubber->vad);
    dub_fragmenter_init(&dubber->fragmenter, config->fragmenter, dub_ns_to_samples(config->segment_ns));
    dub_placing_init(&dubber->placing, dub_ns_to_samples(config->max_lag_ns), &events);
    dub_mixer_init(&dubber->mixer, read_original, dubber);
    dub_limiter_init(&dubber->limiter);
    dub_ledger_init(&dubber->ledger);
    g_queue_init(&dubber->requests);
    dubber->clips = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, dub_dubber_free_clip);
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
    dub_fragmenter_reset(&dubber->fragmenter);
    dub_placing_reset(&dubber->placing);
    dub_mixer_reset(&dubber->mixer);
    dub_limiter_reset(&dubber->limiter);
    g_queue_clear_full(&dubber->requests, g_free);
    g_hash_table_remove_all(dubber->clips);
    dubber->heard = dubber->out = dubber->mixed = dubber->fed_at = 0;
    dubber->ended = false;
}

void dub_dubber_set_mix(struct dub_dubber *dubber, const struct dub_mix *mix)
{
    dubber->mixer.mix = *mix;
}

void dub_dubber_set_max_lag(struct dub_dubber *dubber, int64_t max_lag_ns)
{
    dubber->placing.max_lag = dub_ns_to_samples(max_lag_ns);
}

void dub_dubber_set_rtt(struct dub_dubber *dubber, int64_t rtt_ns)
{
    dub_fragmenter_set_limits(&dubber->fragmenter, dub_ns_to_samples(dubber->config.delay_ns),
                              dubber->placing.max_lag, dub_ns_to_samples(rtt_ns));
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
    if (!dubber->config.find_phrases)
        return dubber->ring.end + PLACE_AHEAD_SAMPLES;
    int64_t heard = dubber->ring.end - DUB_MIXER_AHEAD_SAMPLES + PLACE_AHEAD_SAMPLES;
    return MIN(until, MIN(dub_fragmenter_frontier(&dubber->fragmenter), heard));
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
    if (dubber->config.live && dubber->mixed - dubber->fed_at >= STARVED_SAMPLES)
        dub_dubber_break(dubber);
    /* Input that has not come is silence now, for the detector too. */
    if (dubber->mixed > dubber->ring.end && !dubber->ended)
        dub_dubber_listen(dubber, dubber->mixed);
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
    stats->drift_samples = (int64_t)dubber->timeline.drift_samples;
}
