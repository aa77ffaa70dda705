/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to asr/: the tables of the engines compiled in. */
#pragma once

#include "asr.h"

extern const struct asr_engine_ops asr_whisper; /* where its library was there: HAVE_WHISPER */
extern const struct asr_engine_ops asr_openai;
extern const struct asr_engine_ops asr_pocketsphinx;
extern const struct asr_engine_ops asr_mock;
