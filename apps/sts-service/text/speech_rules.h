/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to text/: how a language speaks what is written short. Tables only; prepare.c applies them. */
#pragma once

#include <glib.h>

/* Compared as it stands, at word borders, the first that fits. */
struct word_rule {
    const char *from;
    const char *to;
};

/* Behind a number (units) or on either side of it (currencies). */
struct quantity_rule {
    const char *symbol;
    const char *one;  /* behind "1" */
    const char *many; /* behind every other number */
};

/* {h} and {m} stand for the digits. */
struct time_rules {
    const char *full_hour;   /* 10:00 */
    const char *in_day_part; /* 10:00 before one of day_parts: "10 de la tarde" */
    const char *few_minutes; /* 10:05 */
    const char *minutes;     /* 10:30 */
    const char *day_parts;   /* a regular expression */
};

/* Lists end with an entry of NULLs. */
struct speech_rules {
    const char *language;
    const struct word_rule *words;
    const struct quantity_rule *units;
    const struct quantity_rule *currencies;
    const char *score;   /* "3-1" is spoken "3 <score> 1" */
    const char *percent; /* "%" behind a number */
    const char *minus;   /* "-5" */
    const char *number;  /* "#5" */
    const char *scales;  /* a regular expression: "5 million" */
    const char *of;      /* between a scale and a currency: "5 millones de euros" */
    struct time_rules time;
};

/* NULL: the language has none. */
const struct speech_rules *speech_rules_for(const char *language);
