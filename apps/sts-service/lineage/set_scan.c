/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "set_scan.h"

#include "set_names.h"

#include <glib/gstdio.h>
#include <stdbool.h>

struct scan {
    void (*found)(char *take_stem_path, int64_t bytes, int64_t time_ms, void *user);
    void *user;
};

struct found_set {
    int64_t bytes;
    bool complete;
};

static void for_each_name(const char *folder, void (*visit)(const char *folder, const char *name, void *user),
                          void *user)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));)
        visit(folder, name, user);
    if (dir)
        g_dir_close(dir);
}

/* Size of a plain file; -1 for anything else, symbolic links not followed. */
static int64_t size_of(const char *path)
{
    GStatBuf info;
    return g_lstat(path, &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : -1;
}

/* sets: by their stem, of struct found_set. */
static struct found_set *get_set(GHashTable *sets, const char *name, size_t stem_length)
{
    g_autofree char *stem = g_strndup(name, stem_length);
    struct found_set *set = g_hash_table_lookup(sets, stem);
    if (set)
        return set;
    set = g_new0(struct found_set, 1);
    g_hash_table_insert(sets, g_steal_pointer(&stem), set);
    return set;
}

static void look_at_file(const char *folder, const char *name, void *user)
{
    enum set_file which;
    size_t stem_length = set_parse_name(name, &which);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    int64_t size = size_of(path);
    if (stem_length == 0 || size < 0)
        return;
    if (which == SET_FILE_TEMPORARY) {
        (void)g_unlink(path);
        return;
    }
    struct found_set *set = get_set(user, name, stem_length);
    set->bytes += size;
    set->complete |= which == SET_FILE_JSON;
}

static void tell_or_remove(const struct scan *scan, const char *folder, const char *stem,
                           const struct found_set *set)
{
    g_autofree char *stem_path = g_build_filename(folder, stem, NULL);
    int64_t time_ms = set_time_ms(stem);
    if (set->complete && time_ms >= 0)
        scan->found(g_steal_pointer(&stem_path), set->bytes, time_ms, scan->user);
    else
        set_remove(stem_path);
}

static void look_at_folder(const char *folder, const char *name, void *user)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    GStatBuf info;
    if (g_lstat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return;
    g_autoptr(GHashTable) sets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for_each_name(path, look_at_file, sets);
    GHashTableIter each;
    void *stem, *set;
    g_hash_table_iter_init(&each, sets);
    while (g_hash_table_iter_next(&each, &stem, &set))
        tell_or_remove(user, path, stem, set);
}

void set_scan(const char *folder,
              void (*found)(char *take_stem_path, int64_t bytes, int64_t time_ms, void *user), void *user)
{
    struct scan scan = {found, user};
    for_each_name(folder, look_at_folder, &scan);
}
