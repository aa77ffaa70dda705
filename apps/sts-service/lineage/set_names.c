/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "set_names.h"

#include <dubbing_clock.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>

#define ID_MAX_CHARS 64
#define ID_CHARS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_"
#define STAMP_SHAPE "ddddddddTdddddd.dddZ-"

/* The .json first, so that a set that is being removed is no longer a complete one. */
static const char *const suffixes[] = {".json", ".fragment.wav", ".fragment.m4a", ".dub.wav", ".dub.m4a"};

static char *safe_name(const char *id)
{
    char *name = g_strndup(id && *id ? id : "_", ID_MAX_CHARS);
    return g_strcanon(name, ID_CHARS, '_');
}

char *set_folder_name(const char *stream_id)
{
    return safe_name(stream_id);
}

/* "20260102T030405.678Z": sorts as it happened. */
static char *stamp(int64_t wall_ms)
{
    char text[32];
    dub_wall_time_format(wall_ms, text);
    GString *out = g_string_new(NULL);
    for (const char *c = text; *c; c++)
        if (*c != ':' && *c != '-')
            g_string_append_c(out, *c);
    return g_string_free(out, FALSE);
}

char *set_stem(int64_t wall_ms, unsigned n, const char *fragment_id)
{
    g_autofree char *time = stamp(wall_ms);
    g_autofree char *fragment = set_folder_name(fragment_id);
    return g_strdup_printf("%s-%06u-%s", time, n, fragment);
}

static bool starts_with_stamp(const char *name)
{
    for (size_t i = 0; STAMP_SHAPE[i]; i++)
        if (STAMP_SHAPE[i] == 'd' ? !g_ascii_isdigit(name[i]) : name[i] != STAMP_SHAPE[i])
            return false;
    return true;
}

int64_t set_time_ms(const char *stem)
{
    g_autofree char *text = g_strndup(stem, strlen(STAMP_SHAPE) - 1);
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
    if (!time)
        return -1;
    return g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000;
}

size_t set_parse_name(const char *name, enum set_file *which)
{
    if (!starts_with_stamp(name))
        return 0;
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        const char *found = strstr(name, suffixes[i]);
        if (!found)
            continue;
        const char *rest = found + strlen(suffixes[i]);
        /* mkstemp's seven characters: ".XXXXXX". */
        if (*rest && (*rest != '.' || strlen(rest) != 7))
            continue;
        *which = *rest ? SET_FILE_TEMPORARY : i == 0 ? SET_FILE_JSON : SET_FILE_AUDIO;
        return (size_t)(found - name);
    }
    return 0;
}

void set_remove(const char *stem_path)
{
    g_autofree char *folder = g_path_get_dirname(stem_path);
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strconcat(stem_path, suffixes[i], NULL);
        (void)g_unlink(path);
    }
    (void)g_rmdir(folder);
}
