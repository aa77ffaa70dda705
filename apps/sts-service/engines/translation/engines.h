/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: the tables of the engines compiled in. */
#pragma once

#include "translation.h"

extern const struct translation_engine_ops translation_apertium;
extern const struct translation_engine_ops translation_deepl;
extern const struct translation_engine_ops translation_identity;
extern const struct translation_engine_ops translation_libretranslate;
extern const struct translation_engine_ops translation_mock;
extern const struct translation_engine_ops translation_openai;
