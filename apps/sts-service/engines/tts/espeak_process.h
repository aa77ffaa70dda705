/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the espeak-ng engine: one helper process (espeak_helper.c), asked one text at a time, by any
 * thread but one at a time. */
#pragma once

#include "../engine.h"
#include "espeak_wire.h"

struct espeak_process;

/* program: NULL means the one beside this program, in the folder above it, or in PATH. NULL with UNAVAILABLE
 * and what to install when it has not greeted within 5 s; with TIMEOUT or CANCELLED when the call is over
 * before. Takes some 10 ms. */
struct espeak_process *espeak_process_start(const char *program, const struct engine_call *call,
                                            struct dub_error *error);
/* Ends the process, whatever it is doing. NULL is fine. */
void espeak_process_free(struct espeak_process *process);

int espeak_process_rate_hz(const struct espeak_process *process);
const char *espeak_process_version(const struct espeak_process *process);
/* As the voices spell them: "es-419"; NULL-terminated. */
const char *const *espeak_process_languages(const struct espeak_process *process);

struct espeak_phrase {
    const char *voice;
    const char *text; /* at most ESPEAK_MAX_TEXT_BYTES; "": only whether the voice is there */
    int words_per_minute, pitch, pitch_range;
    guint max_samples;
};
/* Appends int16_t samples. False: TTS_SYNTHESIS_FAILED (no such voice, too long), CANCELLED, TIMEOUT, or
 * MODEL_ERROR when the process has ended. Returns within 20 ms of the deadline or of a cancel. */
bool espeak_process_speak(struct espeak_process *process, const struct espeak_phrase *phrase,
                          const struct engine_call *call, GArray *samples, struct dub_error *error);
/* One clause: its phonemes (IPA in UTF-8) and what it ends with (ESPEAK_ENDS). Borrowed for the call. */
typedef void espeak_on_clause(const char *phonemes, char end, void *user);
/* What the voice would say, clause by clause; on_clause is called in between. As espeak_process_speak(). */
bool espeak_process_phonemes(struct espeak_process *process, const char *voice, const char *text,
                             const struct engine_call *call, espeak_on_clause *on_clause, void *user,
                             struct dub_error *error);
/* After a failure: whether it is of no more use and is to be freed. */
bool espeak_process_is_broken(const struct espeak_process *process);
/* For tests. */
pid_t espeak_process_pid(const struct espeak_process *process);
