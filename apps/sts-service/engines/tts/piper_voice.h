/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the piper engine: what stands beside a voice's model (`.onnx.json`): its rate, how its phonemes
 * are made and numbered, its speakers. The format is that of Piper's training
 * (https://github.com/OHF-Voice/piper1-gpl, src/piper/config.py). Read-only once read: any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PIPER_PAD '_'
#define PIPER_BEGIN '^'
#define PIPER_END '$'

struct piper_voice {
    int rate_hz;
    char *language;     /* "en": ISO 639-1 where it has one */
    char *espeak_voice; /* whose phonemes it knows: "en-us"; NULL: it knows letters (phoneme_type "text") */
    double noise_scale, length_scale, noise_width;
    int speakers;            /* at least 1 */
    GHashTable *speaker_ids; /* name -> number, as a pointer; names need not be complete */
    GHashTable *ids;         /* code point -> GArray of int64_t; PIPER_PAD, _BEGIN and _END are there */
    GHashTable *instead;     /* code point -> GArray of gunichar that are spoken instead (phoneme_map) */
};

/* NULL with problems that do not name the path. Every problem is told. */
struct piper_voice *piper_voice_read(const char *path, GPtrArray *problems);
struct piper_voice *piper_voice_parse(const char *text, gsize size, GPtrArray *problems);
void piper_voice_free(struct piper_voice *voice);

/* A speaker by name or number; name NULL: the first. -1: there is none of that name. */
int piper_voice_speaker(const struct piper_voice *voice, const char *name);
