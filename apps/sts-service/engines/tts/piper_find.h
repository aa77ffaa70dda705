/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the piper engine: which voices there are. Files are looked at, none is loaded. */
#pragma once

#include "../engine.h"
#include "piper_voice.h"

struct piper_found {
    char *name; /* of the file without .onnx: "es_ES-davefx-medium" */
    char *path; /* of the model */
    struct piper_voice *voice;
};

/* STS_TTS_MODEL is a voice (a path or a name in the model cache directory, with or without .onnx), which must
 * be right; or a folder; or empty, which means the model cache directory. In a folder every .onnx that has
 * its .onnx.json beside it is a voice; one that cannot be used is named in the log. struct piper_found, by
 * name, at least one; owned by the caller. NULL with UNAVAILABLE. */
GPtrArray *piper_find(const struct engine_config *config, struct dub_error *error);

/* By the name that voices.json has for it. NULL: none. */
const struct piper_found *piper_find_named(const GPtrArray *found, const char *name);
/* The first that speaks the language. NULL: none. */
const struct piper_found *piper_find_speaking(const GPtrArray *found, const char *language);
