/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the apertium engine: the installed pairs and the commands that make up each. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>

struct apertium_mode {
    char *source;         /* "en" */
    char *target;         /* "es" */
    char *source_variant; /* "us" of "eng_US"; "" for the plain language */
    char *target_variant;
    char *name;          /* "eng-spa_MX" */
    GPtrArray *commands; /* GStrv, with the null flush option, in order */
};

/* Reads *.mode of a directory. The array owns its struct apertium_mode, by name; empty where there are none.
 * A mode that cannot be understood is logged and left out. */
GPtrArray *apertium_modes_read(const char *directory);
/* The index of the mode that fits the two codes best: variants as asked ("es-MX"), then the plain ones, then
 * any. -1: no such pair. */
int apertium_modes_find(const GPtrArray *modes, const char *source, const char *target);
/* One mode file's content; NULL with error. */
struct apertium_mode *apertium_mode_parse(const char *name, const char *content, struct dub_error *error);
void apertium_mode_free(struct apertium_mode *mode);
