/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "provider_voice.h"

static const struct voice *find(const struct voices *voices, const char *engine, const char *profile,
                                const char *language)
{
    return voices ? voices_find(voices, profile, language, engine) : NULL;
}

const char *provider_voice(const struct voices *voices, const char *engine, const char *profile,
                           const char *language, const char *fallback)
{
    const struct voice *voice = find(voices, engine, profile, language);
    return voice && voice->model ? voice->model : fallback;
}

char *provider_voice_of(const struct voices *voices, const char *engine, const char *profile,
                        const char *language, const char *model, const char *fallback)
{
    const struct voice *voice = find(voices, engine, profile, language);
    if (!voice || !voice->model)
        return g_strdup_printf("%s %s", model, fallback);
    return g_strdup_printf("%s %s (%s)", model, voice->model, voice->profile);
}

GStrv provider_voice_profiles(const struct voices *voices, const char *engine)
{
    static const char *const none[] = {"default", NULL};
    GStrv profiles = voices ? voices_profiles(voices, engine) : NULL;
    if (profiles && *profiles)
        return profiles;
    g_strfreev(profiles);
    return g_strdupv((char **)none);
}
