/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to text/: whether bare words are a question. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* words: small, joined by single spaces. English and Spanish; false for other languages. */
bool text_is_question(const char *words, const char *language);
