/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dubbing of one stream as a pure machine: sound in by time stamp, phrases out, clips in, sound out in
 * blocks.
 *
 * It ties the pieces of this folder together (timeline, ring, detector, fragmenter, placing, mixer, limiter,
 * ledger) and knows neither clocks nor threads nor GStreamer: the element (stsdub.c) decides when a block is
 * due and guards all calls with one lock, the tests drive it with schedules of their own. No call waits or
 * blocks.
 *
 * In a live stream dub_dubber_mix may be called at any time and never fails to give a block. Otherwise only
 * when dub_dubber_ready() says that everything that can still change the block is known. */
#pragma once

#include "ledger.h"
#include "sound/mixer.h"
#include "speech/fragmenter.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct dub_dubber;

/* What the ear accepts as a speaker in a hurry. */
#define DUB_DUBBER_MAX_SPEED 1.25

/* Says what one hop of DUB_BLOCK_SAMPLES stereo samples is. */
typedef void (*dub_dubber_detector)(void *user, const int16_t *samples, struct dub_fragmenter_hop *hop);

struct dub_dubber_config {
    bool live;
    int64_t delay_ns; /* D */
    int64_t max_lag_ns;
    bool find_phrases; /* false: nothing is fragmented, the sound is only delayed */
    enum dub_fragmenter_mode fragmenter;
    int64_t segment_ns;           /* fixed mode */
    dub_dubber_detector detector; /* NULL: the voice activity detector of vad.h */
    void *detector_user;
};

/* A phrase that was found, with its sound. */
struct dub_dubber_request {
    uint64_t id;
    int64_t start_ns, duration_ns;
    int64_t max_duration_ns; /* what its clip may last */
    int16_t *samples;        /* owned by the receiver; mono at DUB_RATE_HZ */
    unsigned n_samples;
};

/* What is known of an answer beside its sound. Strings are borrowed and may be NULL. */
struct dub_dubber_answer {
    const char *fragment_id, *transcript, *translated_text;
    double speed_ratio;
    int64_t rtt_ms, asr_ms, translation_ms, tts_ms;
};

/* Counters since the creation. */
struct dub_dubber_stats {
    uint64_t silence_samples, trimmed_samples, late_samples;
    int64_t slewed_samples;
    int64_t drift_samples; /* at present: how much too early the sound lies for its time stamps */
    uint64_t late_answers; /* for phrases that were settled already */
};

struct dub_dubber *dub_dubber_new(const struct dub_dubber_config *config);
/* Open phrases are lost unsettled: reset first where that matters. NULL is fine. */
void dub_dubber_free(struct dub_dubber *dubber);
/* After a flush: a new timeline; open phrases are settled as dropped, FLUSHED. */
void dub_dubber_reset(struct dub_dubber *dubber);

/* These may change at any time. With bypass, phrases that would be heard from now on are passed through,
 * BYPASSED. */
void dub_dubber_set_mix(struct dub_dubber *dubber, const struct dub_mix *mix);
/* For phrases that are not placed yet. */
void dub_dubber_set_max_lag(struct dub_dubber *dubber, int64_t max_lag_ns);
/* The round trip to the speech service, margin included. */
void dub_dubber_set_rtt(struct dub_dubber *dubber, int64_t rtt_ns);

/* Input. Whether a buffer that ends at this time stamp fits now; otherwise first mix. Always true for the
 * first. */
bool dub_dubber_fits(const struct dub_dubber *dubber, int64_t end_ns);
/* n_samples > 0 stereo samples. Returns how late the first of them was: <= 0 when in time. */
int64_t dub_dubber_write(struct dub_dubber *dubber, int64_t pts_ns, const int16_t *samples,
                         unsigned n_samples, bool discontinuity);
/* The source knows that nothing comes in this stretch. */
void dub_dubber_gap(struct dub_dubber *dubber, int64_t pts_ns, int64_t duration_ns);
/* The time stamp that continues the input without a gap. Only once started. */
int64_t dub_dubber_input_ns(const struct dub_dubber *dubber);
/* The source is lost, or says that nothing comes for an unknown time: speech that is open is complete at
 * once. What comes later goes on as usual. A live input that is silent for a second of output is taken for
 * lost without a word. */
void dub_dubber_break(struct dub_dubber *dubber);
/* The source has ended. */
void dub_dubber_end(struct dub_dubber *dubber);

/* The next phrase to be sent, in order. Each must be answered by exactly one of the three calls after it;
 * answers for phrases that were settled meanwhile are counted and ignored. */
bool dub_dubber_take_request(struct dub_dubber *dubber, struct dub_dubber_request *request);
/* How much faster a clip of n_samples for this phrase has to be spoken so that the phrase after it can still
 * be heard, the time that it takes to make it so included: 1 when it fits as it is, or when no speed up to
 * DUB_DUBBER_MAX_SPEED would help. */
double dub_dubber_speed(const struct dub_dubber *dubber, uint64_t id, unsigned n_samples);
/* Takes a clip ready to be mixed: mono at DUB_RATE_HZ, full scale 1. */
void dub_dubber_clip(struct dub_dubber *dubber, uint64_t id, const struct dub_dubber_answer *answer,
                     float *take_samples, unsigned n_samples);
/* The clip given last for this phrase is being made faster. Live, it waits for that as long as
 * dub_dubber_speed has reckoned, and is then heard as it is; otherwise one of the next two calls must follow.
 */
void dub_dubber_await_faster(struct dub_dubber *dubber, uint64_t id);
/* The faster version. False, the samples freed, when the phrase is settled already. */
bool dub_dubber_faster_clip(struct dub_dubber *dubber, uint64_t id, double speed, float *take_samples,
                            unsigned n_samples);
/* There will be none. */
void dub_dubber_keep_clip(struct dub_dubber *dubber, uint64_t id);
/* The phrase is on its way to the service as this fragment: it is in the ledger under that id however it
 * ends. */
void dub_dubber_sent(struct dub_dubber *dubber, uint64_t id, const char *fragment_id);
/* There is no clip; reason is static. The fallback is heard. */
void dub_dubber_failed(struct dub_dubber *dubber, uint64_t id, const struct dub_dubber_answer *answer,
                       const char *reason);
/* As failed, but by intention: the original is heard. */
void dub_dubber_skip(struct dub_dubber *dubber, uint64_t id, const char *reason);

/* Output. Whether there is a timeline yet. */
bool dub_dubber_started(const struct dub_dubber *dubber);
/* The time stamp of the next block. Only once started. */
int64_t dub_dubber_next_ns(const struct dub_dubber *dubber);
bool dub_dubber_ready(const struct dub_dubber *dubber);
/* Mixes the next block, DUB_BLOCK_SAMPLES stereo samples; fewer at the very end, 0 once all is out. */
unsigned dub_dubber_mix(struct dub_dubber *dubber, int16_t *samples);

/* The account; borrowed. */
struct dub_ledger *dub_dubber_ledger(struct dub_dubber *dubber);
void dub_dubber_get_stats(const struct dub_dubber *dubber, struct dub_dubber_stats *stats);
