/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fragmenter.h"

#include "sound/samples.h"
#include <math.h>

#define HOP DUB_BLOCK_SAMPLES
#define PAUSE_SAMPLES DUB_MS_TO_SAMPLES(300)
/* Enough once the soft limit is passed. */
#define SHORT_PAUSE_SAMPLES DUB_MS_TO_SAMPLES(120)
/* Speech shorter than the minimum goes alone after this. */
#define LONELY_PAUSE_SAMPLES DUB_MS_TO_SAMPLES(1000)
#define MIN_SAMPLES DUB_MS_TO_SAMPLES(1000)
#define MAX_SAMPLES DUB_MS_TO_SAMPLES(6000)
/* Weak first and last sounds lie below the detector's threshold. */
#define LEAD_SAMPLES DUB_MS_TO_SAMPLES(200)
#define TRAIL_SAMPLES DUB_MS_TO_SAMPLES(120)
#define QUIET_HOPS 10
/* Less is a click, a bang or a note. */
#define MIN_SPEECH_HOPS 12
/* Mean over the fragment's speech hops from which it counts as speech (measured: bench/speech_detection.py).
 * Where somebody has just spoken, less is enough, for short answers have little to be judged by. Little is no
 * proof elsewhere: so many hops that are unlike a voice are thought to have come before. */
#define MIN_LIKENESS 0.6f
#define MIN_LIKENESS_AFTER_SPEECH 0.2f
#define DOUBT_HOPS 8
#define AFTER_SPEECH_SAMPLES DUB_MS_TO_SAMPLES(5000)
/* Of the fragment's length; a beat of drums has less. */
#define MIN_SPEECH_PART 0.35f

void dub_fragmenter_init(struct dub_fragmenter *fragmenter, enum dub_fragmenter_mode mode,
                         int64_t segment_samples)
{
    *fragmenter = (struct dub_fragmenter){.mode = mode,
                                          .segment_samples = MAX(segment_samples, HOP),
                                          .piece_samples = MAX(segment_samples, HOP),
                                          .soft_samples = MAX_SAMPLES,
                                          .hard_samples = MAX_SAMPLES,
                                          .start = -1,
                                          .sent_end = -AFTER_SPEECH_SAMPLES};
}

void dub_fragmenter_reset(struct dub_fragmenter *fragmenter)
{
    const struct dub_fragmenter before = *fragmenter;
    dub_fragmenter_init(fragmenter, before.mode, before.segment_samples);
    fragmenter->piece_samples = before.piece_samples;
    fragmenter->soft_samples = before.soft_samples;
    fragmenter->hard_samples = before.hard_samples;
}

/* Whole hops, so that it is never exceeded by a part of one. */
static int64_t limit(int64_t samples)
{
    return CLAMP(samples, MIN_SAMPLES, MAX_SAMPLES) / HOP * HOP;
}

void dub_fragmenter_set_limits(struct dub_fragmenter *fragmenter, int64_t delay, int64_t max_lag, int64_t rtt)
{
    fragmenter->soft_samples = limit(delay - rtt);
    fragmenter->hard_samples = limit(delay + max_lag - rtt);
    int64_t in_time = MAX(delay + max_lag - rtt, MIN_SAMPLES) / HOP * HOP;
    fragmenter->piece_samples =
        rtt > 0 ? MIN(fragmenter->segment_samples, in_time) : fragmenter->segment_samples;
}

static float likeness_needed(const struct dub_fragmenter *fragmenter)
{
    bool after_speech = fragmenter->start - fragmenter->sent_end < AFTER_SPEECH_SAMPLES;
    return after_speech ? MIN_LIKENESS_AFTER_SPEECH : MIN_LIKENESS;
}

/* A piece of fixed length may begin with a long silence. */
static float speech_part_needed(const struct dub_fragmenter *fragmenter)
{
    return fragmenter->mode == DUB_FRAGMENTER_FIXED ? 0 : MIN_SPEECH_PART;
}

static bool is_speech(const struct dub_fragmenter *fragmenter)
{
    const struct dub_fragment_evidence *evidence = &fragmenter->evidence;
    float hops = (float)evidence->speech_hops;
    float length_hops = (float)(fragmenter->speech_end - fragmenter->start) / HOP;
    return evidence->speech_hops >= MIN_SPEECH_HOPS &&
           evidence->likeness >= likeness_needed(fragmenter) * (hops + DOUBT_HOPS) &&
           hops >= speech_part_needed(fragmenter) * length_hops;
}

/* Closes the open fragment at `end`; true when it is worth sending. */
static bool finish(struct dub_fragmenter *fragmenter, int64_t end, struct dub_fragment_span *span)
{
    *span = (struct dub_fragment_span){
        .start = fragmenter->start, .end = end, .pause = MAX(fragmenter->position - end, 0)};
    bool send = is_speech(fragmenter);
    if (send)
        fragmenter->sent_end = end;
    else
        fragmenter->n_rejected++;
    fragmenter->start = -1;
    fragmenter->floor = end;
    fragmenter->evidence = (struct dub_fragment_evidence){0};
    return send;
}

static void open_at(struct dub_fragmenter *fragmenter, int64_t start)
{
    fragmenter->start = MAX(start, fragmenter->floor);
    fragmenter->evidence = (struct dub_fragment_evidence){0};
}

static int64_t trailing_end(const struct dub_fragmenter *fragmenter)
{
    return MIN(fragmenter->speech_end + TRAIL_SAMPLES, fragmenter->position);
}

/* The middle of the quietest 100 ms of the last second; the hops of at least MIN_SAMPLES before stay. */
static int64_t quietest_place(const struct dub_fragmenter *fragmenter)
{
    int64_t now = fragmenter->position / HOP;
    int64_t first = MAX(now - DUB_FRAGMENTER_TAIL_HOPS, (fragmenter->start + MIN_SAMPLES) / HOP - QUIET_HOPS);
    int64_t best = now;
    float best_sum = INFINITY;
    for (int64_t at = first; at + QUIET_HOPS <= now; at++) {
        float sum = 0;
        for (int64_t i = at; i < at + QUIET_HOPS; i++)
            sum += fragmenter->levels[i % DUB_FRAGMENTER_TAIL_HOPS];
        if (sum < best_sum) {
            best_sum = sum;
            best = at + QUIET_HOPS / 2;
        }
    }
    return best * HOP;
}

/* The part of the evidence that n_hops of it stand for. */
static struct dub_fragment_evidence share_of(const struct dub_fragment_evidence *evidence, unsigned n_hops)
{
    float part = (float)n_hops / (float)MAX(evidence->speech_hops, 1);
    return (struct dub_fragment_evidence){.speech_hops = n_hops, .likeness = evidence->likeness * part};
}

/* At the hard limit, in the middle of speech: what comes after the cut is the beginning of the next fragment.
 */
static bool cut(struct dub_fragmenter *fragmenter, struct dub_fragment_span *span)
{
    int64_t place = quietest_place(fragmenter);
    struct dub_fragment_evidence before = fragmenter->evidence;
    bool send = finish(fragmenter, place, span);
    span->pause = 0;
    if (fragmenter->speech_end > place) {
        open_at(fragmenter, place);
        fragmenter->evidence = share_of(&before, (unsigned)((fragmenter->speech_end - place) / HOP));
    }
    return send;
}

static int64_t pause_needed(const struct dub_fragmenter *fragmenter, int64_t length)
{
    if (length < MIN_SAMPLES)
        return LONELY_PAUSE_SAMPLES;
    return length > fragmenter->soft_samples ? SHORT_PAUSE_SAMPLES : PAUSE_SAMPLES;
}

static void note_speech(struct dub_fragmenter *fragmenter, const struct dub_fragmenter_hop *hop)
{
    fragmenter->speech_end = fragmenter->position;
    fragmenter->evidence.speech_hops++;
    fragmenter->evidence.likeness += hop->speech_likeness;
}

static bool hop_vad(struct dub_fragmenter *fragmenter, const struct dub_fragmenter_hop *hop,
                    struct dub_fragment_span *span)
{
    if (hop->speech) {
        if (fragmenter->start < 0)
            open_at(fragmenter, fragmenter->position - HOP - LEAD_SAMPLES);
        note_speech(fragmenter, hop);
    }
    if (fragmenter->start < 0)
        return false;

    int64_t length = trailing_end(fragmenter) - fragmenter->start;
    int64_t pause = fragmenter->position - fragmenter->speech_end;
    if (pause >= pause_needed(fragmenter, length))
        return finish(fragmenter, trailing_end(fragmenter), span);
    if (fragmenter->position - fragmenter->start >= fragmenter->hard_samples)
        return cut(fragmenter, span);
    return false;
}

static bool hop_fixed(struct dub_fragmenter *fragmenter, const struct dub_fragmenter_hop *hop,
                      struct dub_fragment_span *span)
{
    if (fragmenter->start < 0)
        open_at(fragmenter, fragmenter->position - HOP);
    if (hop->speech)
        note_speech(fragmenter, hop);
    if (fragmenter->position - fragmenter->start < fragmenter->piece_samples)
        return false;
    return finish(fragmenter, fragmenter->position, span);
}

bool dub_fragmenter_hop(struct dub_fragmenter *fragmenter, const struct dub_fragmenter_hop *hop,
                        struct dub_fragment_span *span)
{
    fragmenter->levels[(fragmenter->position / HOP) % DUB_FRAGMENTER_TAIL_HOPS] = hop->level_db;
    fragmenter->position += HOP;
    return fragmenter->mode == DUB_FRAGMENTER_FIXED ? hop_fixed(fragmenter, hop, span)
                                                    : hop_vad(fragmenter, hop, span);
}

bool dub_fragmenter_end(struct dub_fragmenter *fragmenter, struct dub_fragment_span *span)
{
    if (fragmenter->start < 0)
        return false;
    bool fixed = fragmenter->mode == DUB_FRAGMENTER_FIXED;
    return finish(fragmenter, fixed ? fragmenter->position : trailing_end(fragmenter), span);
}

int64_t dub_fragmenter_frontier(const struct dub_fragmenter *fragmenter)
{
    if (fragmenter->start >= 0)
        return fragmenter->start;
    return MAX(fragmenter->position - LEAD_SAMPLES, fragmenter->floor);
}
