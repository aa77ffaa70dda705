/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the apertium engine: dates and times of day, which it takes word by word ("half past five"
 * becomes "en pasado medio cinco", "last March" a last march). What is found is spoken by rules of our own,
 * between English and Spanish. Pure. */
#pragma once

#include "protect.h"

/* Appends a struct protect_span for each date and time in text, as far as none of spans is there already and
 * there is room. Their values live in `values`. Languages as base codes; other pairs have none. */
void apertium_dates_find(const char *text, const char *source, const char *target, GArray *spans,
                         GStringChunk *values);
