/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the apertium engine: the installed pairs and the commands that make up each. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>

struct apertium_mode {
    char *source;        /* "en" */
    char *target;        /* "es" */
    char *name;          /* "eng-spa" */
    GPtrArray *commands; /* GStrv, with the null flush option, in order */
};

/* Reads *.mode of a directory. The array owns its struct apertium_mode; empty where there are none. One mode
 * per pair: the plain one before variants ("spa-eng" before "spa-eng_US"). A mode that cannot be understood
 * is logged and left out. */
GPtrArray *apertium_modes_read(const char *directory);
/* One mode file's content; NULL with error. */
struct apertium_mode *apertium_mode_parse(const char *name, const char *content, struct dub_error *error);
void apertium_mode_free(struct apertium_mode *mode);
