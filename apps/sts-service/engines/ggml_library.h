/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: what the engines on ggml (whisper.cpp, llama.cpp) share of it. Built where ggml is. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>

/* Once per process, however often it is called, any thread: its backends are loaded, its lines go to our log.
 */
void ggml_library_start(void);
/* A line of ggml's or of a library's on it, level as ggml's, or a part of one; user: the library's name. */
void ggml_library_log(int level, const char *text, void *user);
/* *gpu: the first GPU's name by its driver, owned by the caller; NULL: it is to run on processors. device as
 * in struct engine_config. False with INVALID_CONFIG: a GPU is wanted, and there is none. */
bool ggml_library_choose(const char *device, enum dub_stage stage, const char *engine, char **gpu,
                         struct dub_error *error);
