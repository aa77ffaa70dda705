/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Voice profiles (requirement D5): config/voices.json maps a profile to engine, model, speaker and language,
 * with a default per language. Read once at start; read-only afterwards, any thread. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>

struct voice {
    char *profile;        /* "es-clara"; what stream:init names */
    char *language;       /* "es" */
    char *engine;         /* "espeak-ng"; the engine whose voice it is */
    char *model;          /* the engine's voice name or file */
    char *speaker;        /* variant or speaker within the model; NULL: none */
    int words_per_minute; /* at rate 1; 0: the engine's default */
    int pitch;            /* 0..99, 50 normal */
    int pitch_range;      /* 0..99, 50 normal */
};

struct voices;

/* NULL with INVALID_CONFIG that names the file and every entry that is wrong. Unknown members are ignored. At
 * most 256 profiles. */
struct voices *voices_load(const char *path, struct dub_error *error);
/* The same, every problem as a string of its own that does not name the file. */
struct voices *voices_read(const char *path, GPtrArray *problems);
struct voices *voices_parse(const char *text, gsize size, struct dub_error *error);
void voices_free(struct voices *voices);

/* The profile of that name when it speaks that language and belongs to that engine; for "default", NULL, or a
 * name that is not there, the language's default of that engine, else its first voice. NULL: the engine has
 * no voice for the language. Borrowed from voices. */
const struct voice *voices_find(const struct voices *voices, const char *profile, const char *language,
                                const char *engine);
/* The profile of exactly that name; NULL: there is none. Borrowed from voices. */
const struct voice *voices_by_name(const struct voices *voices, const char *profile);
/* Profiles of one engine in the order of the file, NULL-terminated. Owned by the caller. */
GStrv voices_profiles(const struct voices *voices, const char *engine);
