/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to tts/: the voices of an engine that has them at a provider, under names or ids: those of
 * voices.json (`model` is the name or id there), else one of the engine's own. Pure, any thread. */
#pragma once

#include "tts.h"

/* voices may be NULL. Borrowed from voices, or fallback. */
const char *provider_voice(const struct voices *voices, const char *engine, const char *profile,
                           const char *language, const char *fallback);
/* "model voice (profile)", for tts_engine_ops' voice_of; owned by the caller. */
char *provider_voice_of(const struct voices *voices, const char *engine, const char *profile,
                        const char *language, const char *model, const char *fallback);
/* The profiles of the engine, or "default" where there are none; owned by the caller. */
GStrv provider_voice_profiles(const struct voices *voices, const char *engine);
