/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests, private to fake_apis.c: the interfaces of translation. */
#pragma once

#include "provider_stand.h"

#define FAKE_DEEPL_KEY "deepl-key:fx"
#define FAKE_LIBRETRANSLATE_KEY "libre-key"

stand_answer fake_deepl_languages;
stand_answer fake_deepl_translate;
stand_answer fake_deepl_usage;
stand_answer fake_openai_chat;
stand_answer fake_libretranslate_languages;
stand_answer fake_libretranslate_translate;

/* Words of small letters get an "o"; those with capitals, digits or a "q" stay. Owned by the caller. */
char *fake_translation(const char *text);
