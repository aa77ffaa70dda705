/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The models that are recommended for the neural engines: facts, with where each comes from. The program is
 * built with them, so that list, check and the download (scripts/models.py) speak of the same. */
#pragma once

#include <stdint.h>

struct model_entry {
    const char *name;      /* what list and path call it */
    const char *file;      /* in the model cache directory */
    const char *stage;     /* "asr" */
    const char *engine;    /* "whisper" */
    const char *languages; /* "*": many, those of its engine's page; else codes, "en es" */
    const char *device;    /* what it is recommended for: "cpu", "cuda", "any" */
    int64_t size_bytes;
    const char *sha256; /* hexadecimal; NULL: not known to us, and then it is not fetched */
    const char *licence;
    const char *address;
};

/* Ends with a name that is NULL. */
extern const struct model_entry model_manifest[];
