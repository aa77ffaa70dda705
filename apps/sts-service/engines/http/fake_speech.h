/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests, private to fake_apis.c: the interfaces of recognition and synthesis. */
#pragma once

#include "../../audio/pcm.h"
#include "provider_stand.h"

#define FAKE_ELEVENLABS_KEY "eleven-key"
#define FAKE_OPENAI_KEY "sk-openai-key"

/* Hears in every sound that somebody said the news' first sentence. */
stand_answer fake_openai_transcriptions;
stand_answer fake_openai_speech;
stand_answer fake_elevenlabs_speech;
/* Both have the list of models at the same place. */
stand_answer fake_models;

/* A tone for each text, as long as somebody would take to say it. Clear with pcm_clear(). */
struct pcm fake_tone(const char *text, double rate);
