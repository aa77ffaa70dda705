/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_cast.h"

#include <dubbing_log.h>
#include <string.h>

#define ENGINE "piper"

struct piper_cast {
    const GPtrArray *found;
    const struct voices *voices; /* may be NULL */
    GHashTable *unusable;        /* set of profiles, borrowed */
};

/* NULL: it can be used. */
static const char *fault_of(const struct piper_cast *cast, const struct voice *profile)
{
    const struct piper_found *found = piper_find_named(cast->found, profile->model);
    if (!found)
        return "its voice is not there";
    if (strcmp(found->voice->language, profile->language) != 0)
        return "its voice speaks another language";
    return piper_voice_speaker(found->voice, profile->speaker) < 0 ? "its voice has no such speaker" : NULL;
}

static void find_unusable(struct piper_cast *cast)
{
    g_auto(GStrv) profiles = voices_profiles(cast->voices, ENGINE);
    for (char **name = profiles; *name; name++) {
        const struct voice *profile = voices_by_name(cast->voices, *name);
        const char *fault = fault_of(cast, profile);
        if (!fault)
            continue;
        dub_log_warn("voice profile %s is not used: %s: %s%s%s", *name, fault, profile->model,
                     profile->speaker ? ", speaker " : "", profile->speaker ? profile->speaker : "");
        g_hash_table_add(cast->unusable, profile->profile);
    }
}

struct piper_cast *piper_cast_new(const GPtrArray *found, const struct voices *voices)
{
    struct piper_cast *cast = g_new0(struct piper_cast, 1);
    cast->found = found;
    cast->voices = voices;
    cast->unusable = g_hash_table_new(g_str_hash, g_str_equal);
    if (voices)
        find_unusable(cast);
    return cast;
}

void piper_cast_free(struct piper_cast *cast)
{
    if (!cast)
        return;
    g_hash_table_unref(cast->unusable);
    g_free(cast);
}

struct piper_role piper_cast_find(const struct piper_cast *cast, const char *profile, const char *language)
{
    const struct voice *voice = cast->voices ? voices_find(cast->voices, profile, language, ENGINE) : NULL;
    if (!voice || g_hash_table_contains(cast->unusable, voice->profile))
        return (struct piper_role){.found = piper_find_speaking(cast->found, language)};
    const struct piper_found *found = piper_find_named(cast->found, voice->model);
    return (struct piper_role){
        .found = found, .speaker = piper_voice_speaker(found->voice, voice->speaker), .profile = voice};
}

GStrv piper_cast_profiles(const struct piper_cast *cast)
{
    g_auto(GStrv) profiles = cast->voices ? voices_profiles(cast->voices, ENGINE) : NULL;
    g_autoptr(GStrvBuilder) usable = g_strv_builder_new();
    bool any = false;
    for (char **name = profiles; name && *name; name++) {
        if (g_hash_table_contains(cast->unusable, *name))
            continue;
        g_strv_builder_add(usable, *name);
        any = true;
    }
    if (!any)
        g_strv_builder_add(usable, "default");
    return g_strv_builder_end(usable);
}

GStrv piper_cast_languages(const struct piper_cast *cast)
{
    g_autoptr(GStrvBuilder) languages = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < cast->found->len; i++)
        g_hash_table_add(seen, ((const struct piper_found *)cast->found->pdata[i])->voice->language);
    GList *sorted = g_list_sort(g_hash_table_get_keys(seen), (GCompareFunc)g_strcmp0);
    for (GList *at = sorted; at; at = at->next)
        g_strv_builder_add(languages, at->data);
    g_list_free(sorted);
    return g_strv_builder_end(languages);
}
