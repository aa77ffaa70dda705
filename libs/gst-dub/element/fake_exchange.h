/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An exchange for the tests: the functions of exchange.h, with the test in the place of the sts-service. One
 * at a time; linked instead of exchange.c. */
#pragma once

#include "exchange/exchange.h"

/* The oldest fragment not yet taken, waiting for it for at most 10 s of real time; false when none came. The
 * samples are the caller's (g_free). */
bool fake_exchange_take(struct dub_exchange_fragment *fragment);
/* The same without waiting. */
bool fake_exchange_try_take(struct dub_exchange_fragment *fragment);
/* Answers with a tone of this frequency and amplitude, mono at rate_hz. */
void fake_exchange_answer_tone(uint64_t id, double frequency_hz, double amplitude, int64_t duration_ns,
                               unsigned rate_hz);
/* Answers with samples (copied). */
void fake_exchange_answer(uint64_t id, const int16_t *samples, unsigned n_samples, unsigned rate_hz);
void fake_exchange_answer_no_speech(uint64_t id);
void fake_exchange_fail(uint64_t id, enum dub_error_code code);
/* Further submissions are refused, as with a full queue. */
void fake_exchange_refuse(bool refuse);
/* What dub_exchange_rtt_p95_ns answers; negative: the fallback. */
void fake_exchange_set_rtt(int64_t rtt_ns);
/* Fragments submitted since the exchange was made. */
unsigned fake_exchange_submitted(void);
/* Whether dub_exchange_new was called without dub_exchange_free. */
bool fake_exchange_exists(void);
