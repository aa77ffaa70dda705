/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to tts/: the tables of the engines compiled in. */
#pragma once

#include "tts.h"

extern const struct tts_engine_ops tts_elevenlabs;
extern const struct tts_engine_ops tts_espeak;
extern const struct tts_engine_ops tts_openai;
extern const struct tts_engine_ops tts_mock;
