/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A phrase on its way: found, sent, answered, placed, settled. */
#include "dubber_private.h"

void dub_dubber_free_clip(gpointer data)
{
    struct dub_ready_clip *clip = data;
    g_free(clip->samples);
    g_free(clip);
}

static void on_placed(struct dub_dubber *dubber, struct dub_phrase *phrase, int64_t start)
{
    struct dub_ready_clip *clip = g_hash_table_lookup(dubber->clips, &phrase->id);
    if (dubber->mixer.mix.bypass) {
        dub_ledger_settle(&dubber->ledger, phrase, DUB_PHRASE_PASSTHROUGH, DUB_REASON_BYPASSED);
        return;
    }
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

void dub_dubber_on_placing_outcome(uint64_t id, enum dub_placing_outcome outcome, int64_t start, void *user)
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

void dub_dubber_open_phrase(struct dub_dubber *dubber, const struct dub_fragment_span *span)
{
    struct dub_phrase *phrase =
        dub_ledger_open(&dubber->ledger, dub_timeline_time_ns(&dubber->timeline, span->start),
                        dub_timeline_time_ns(&dubber->timeline, span->end));
    struct dub_found_span *found = g_new0(struct dub_found_span, 1);
    *found = (struct dub_found_span){
        .id = phrase->id,
        .start = span->start,
        .end = span->end,
        .slot = dub_placing_slot(&dubber->placing, span->start, span->end, span->pause),
    };
    g_queue_push_tail(&dubber->requests, found);
    dub_placing_add(&dubber->placing, phrase->id, span->start, span->end);
}

bool dub_dubber_take_request(struct dub_dubber *dubber, struct dub_dubber_request *request)
{
    g_autofree struct dub_found_span *found = g_queue_pop_head(&dubber->requests);
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

/* Until a clip of this length has been made faster: more than twice what an idle machine needs. */
static int64_t hurry_samples(unsigned n_samples)
{
    return DUB_MS_TO_SAMPLES(100) + n_samples / 16;
}

double dub_dubber_speed(const struct dub_dubber *dubber, uint64_t id, unsigned n_samples)
{
    int64_t frontier = dubber->ended ? INT64_MAX : dub_fragmenter_frontier(&dubber->fragmenter);
    if (dub_placing_room(&dubber->placing, id, dubber->mixed, frontier) >= n_samples)
        return 1;
    int64_t ready = dubber->mixed + hurry_samples(n_samples) + DUB_BLOCK_SAMPLES;
    int64_t room = dub_placing_room(&dubber->placing, id, ready, frontier);
    if (room >= n_samples)
        return 1; /* it would come too late itself */
    double speed = n_samples / (double)MAX(room - DUB_BLOCK_SAMPLES, 1);
    return speed <= DUB_DUBBER_MAX_SPEED ? speed : 1;
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
    struct dub_ready_clip *clip = g_new(struct dub_ready_clip, 1);
    *key = id;
    *clip = (struct dub_ready_clip){.samples = take_samples, .n_samples = n_samples};
    g_hash_table_replace(dubber->clips, key, clip);
    dub_placing_clip(&dubber->placing, id, n_samples);
}

void dub_dubber_await_faster(struct dub_dubber *dubber, uint64_t id)
{
    const struct dub_ready_clip *clip = g_hash_table_lookup(dubber->clips, &id);
    if (clip != NULL)
        dub_placing_hold(&dubber->placing, id, dubber->mixed + hurry_samples(clip->n_samples));
}

bool dub_dubber_faster_clip(struct dub_dubber *dubber, uint64_t id, double speed, float *take_samples,
                            unsigned n_samples)
{
    struct dub_ready_clip *clip = g_hash_table_lookup(dubber->clips, &id);
    if (clip == NULL) {
        g_free(take_samples);
        return false;
    }
    g_free(clip->samples);
    *clip = (struct dub_ready_clip){.samples = take_samples, .n_samples = n_samples};
    struct dub_phrase *phrase = dub_ledger_find(&dubber->ledger, id);
    phrase->speed_ratio = speed * (phrase->speed_ratio > 0 ? phrase->speed_ratio : 1);
    return dub_placing_clip(&dubber->placing, id, n_samples);
}

void dub_dubber_keep_clip(struct dub_dubber *dubber, uint64_t id)
{
    const struct dub_ready_clip *clip = g_hash_table_lookup(dubber->clips, &id);
    if (clip != NULL)
        dub_placing_clip(&dubber->placing, id, clip->n_samples);
}

/* A clip may be there already, where an answer was given twice. */
static void give_up(struct dub_dubber *dubber, uint64_t id)
{
    dub_placing_cancel(&dubber->placing, id);
    g_hash_table_remove(dubber->clips, &id);
}

void dub_dubber_sent(struct dub_dubber *dubber, uint64_t id, const char *fragment_id)
{
    struct dub_phrase *phrase = dub_ledger_find(&dubber->ledger, id);
    if (phrase != NULL)
        dub_phrase_set_text(&phrase->fragment_id, fragment_id);
}

void dub_dubber_failed(struct dub_dubber *dubber, uint64_t id, const struct dub_dubber_answer *answer,
                       const char *reason)
{
    struct dub_phrase *phrase = answered(dubber, id);
    if (phrase == NULL)
        return;
    record_answer(phrase, answer);
    give_up(dubber, id);
    fall_back(dubber, phrase);
    dub_ledger_settle(&dubber->ledger, phrase, DUB_PHRASE_PASSTHROUGH, reason);
}

void dub_dubber_skip(struct dub_dubber *dubber, uint64_t id, const char *reason)
{
    struct dub_phrase *phrase = answered(dubber, id);
    if (phrase == NULL)
        return;
    give_up(dubber, id);
    dub_ledger_settle(&dubber->ledger, phrase, DUB_PHRASE_PASSTHROUGH, reason);
}
