/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the llama engine: which file it takes. */
#pragma once

#include "../engine.h"

/* The configured model ("translategemma-4b-it.Q4_K_M" in the model cache directory is that name with .gguf
 * there), else of the files in that directory which are called as models for translation are, the best kind,
 * and of that the smallest, for a GPU the largest. Owned by the caller. NULL with UNAVAILABLE: there is none.
 */
char *llama_model_path(const struct engine_config *config, struct dub_error *error);
