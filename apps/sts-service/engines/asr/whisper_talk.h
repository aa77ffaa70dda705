/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the whisper engine: what each session has said last, and what the model is told before the next
 * fragment: the stream's hints, then that text. Any thread. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* The oldest but one is of no more use to the model, which takes half of its context (224 tokens). */
#define WHISPER_TALK_BYTES 240
#define WHISPER_TALK_HINT_BYTES 400
#define WHISPER_TALK_SESSIONS 256

struct whisper_talk;

struct whisper_talk *whisper_talk_new(void);
/* NULL is fine. */
void whisper_talk_free(struct whisper_talk *talk);
/* With a blank in front, as the model's words are. session_id and hints may be NULL. Owned by the caller;
 * NULL: there is nothing to tell. */
char *whisper_talk_prompt(struct whisper_talk *talk, const char *session_id, const char *language,
                          const char *const *hints);
/* After a fragment; text NULL or "": what was said before is not to be gone on with. Fragments may come out
 * of order: one that is older than what is kept changes nothing. */
void whisper_talk_keep(struct whisper_talk *talk, const char *session_id, int64_t fragment,
                       const char *language, const char *text);
void whisper_talk_forget(struct whisper_talk *talk, const char *session_id);
