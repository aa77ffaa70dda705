/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the whisper engine: which files it takes. */
#pragma once

#include "../engine.h"

/* The configured model ("base" in the model cache directory is ggml-base.bin there), else the best of
 * whisper.cpp's models in that directory that the device is up to. Owned by the caller. NULL with
 * UNAVAILABLE: there is none. */
char *whisper_model_path(const struct engine_config *config, struct dub_error *error);
/* whisper.cpp's model of voice activity (ggml-silero-*.bin), the newest beside the model; NULL: there is
 * none. Owned by the caller. */
char *whisper_voice_path(const struct engine_config *config, const char *model_path);
