/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to apertium_dates*.c: what a direction of translation knows of dates and times. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What the groups of a pattern, by these names, have found; "" where they took no part. */
struct date_parts {
    char *prep;
    char *article;
    char *weekday;
    char *day;
    char *month;
    char *year;
    char *relation;
    char *hour;
    char *minutes;
    char *direction;
    char *part;
};

/* Tried in order; a later one does not touch what an earlier one has taken. */
struct date_kind {
    const char *pattern; /* stands between borders of words */
    /* Appends what is said instead. False: this is to be left to Apertium. */
    bool (*speak)(const struct date_parts *parts, GString *out);
};

/* End with an entry of NULLs. */
extern const struct date_kind date_kinds_english_spanish[];
extern const struct date_kind date_kinds_spanish_english[];

/* The word's partner in a list of pairs; NULL for a word that is not there, and for "". */
const char *date_translate(const char *const *pairs, const char *word);
/* -1: it is not there. */
int date_index_of(const char *const *list, const char *word);
