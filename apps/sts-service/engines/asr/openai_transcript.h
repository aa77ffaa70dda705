/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the openai recogniser: what POST /v1/audio/transcriptions answers, as "json" (a text) or as
 * "verbose_json" (with words, their times, and how sure the model was). Pure, any thread. */
#pragma once

#include "asr.h"

/* False for anything else; *transcript is then unchanged. Words are put in order, within clip_ms, and get the
 * punctuation that only the text has. no_speech: by the thresholds of Whisper's reference implementation,
 * for every part of it. */
bool openai_transcript_read(const void *body, gsize size, int64_t clip_ms, struct asr_transcript *transcript);
