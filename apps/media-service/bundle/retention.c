/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retention.h"

#include <dubbing_log.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX 4 /* of folders in a bundle */

struct found {
    char *run_id;
    int64_t bytes;
    int64_t changed_ms;
};

static void clear_found(void *data)
{
    g_free(((struct found *)data)->run_id);
}

/* Calls visit for each entry of the folder, symbolic links not followed. */
static void for_each_entry(const char *folder,
                           void (*visit)(const char *path, const GStatBuf *info, void *user), void *user)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        GStatBuf info;
        if (g_lstat(path, &info) == 0)
            visit(path, &info, user);
    }
    if (dir != NULL)
        g_dir_close(dir);
}

struct measure {
    struct found *found;
    unsigned depth;
};

static void measure_entry(const char *path, const GStatBuf *info, void *user)
{
    struct measure *measure = user;
    measure->found->bytes += info->st_size;
    measure->found->changed_ms = MAX(measure->found->changed_ms, (int64_t)info->st_mtime * 1000);
    if (S_ISDIR(info->st_mode) && measure->depth < DEPTH_MAX)
        for_each_entry(path, measure_entry, &(struct measure){measure->found, measure->depth + 1});
}

static void remove_entry(const char *path, const GStatBuf *info, void *user)
{
    unsigned depth = *(const unsigned *)user;
    if (!S_ISDIR(info->st_mode)) {
        (void)g_unlink(path);
        return;
    }
    if (depth < DEPTH_MAX)
        for_each_entry(path, remove_entry, &(unsigned){depth + 1});
    (void)g_rmdir(path);
}

/* "20260102T030405.678Z-4f9a1c2e", as dub_run_id_new makes them. */
static bool is_run_id(const char *name)
{
    static const char shape[] = "ddddddddTdddddd.dddZ-xxxxxxxx";
    if (strlen(name) != strlen(shape))
        return false;
    for (size_t i = 0; name[i] != '\0'; i++) {
        bool matches = shape[i] == 'd'   ? g_ascii_isdigit(name[i])
                       : shape[i] == 'x' ? g_ascii_isxdigit(name[i])
                                         : name[i] == shape[i];
        if (!matches)
            return false;
    }
    return true;
}

static void find_run(const char *path, const GStatBuf *info, void *user)
{
    GArray *runs = user;
    g_autofree char *name = g_path_get_basename(path);
    if (!S_ISDIR(info->st_mode) || !is_run_id(name))
        return;
    struct found found = {.run_id = g_steal_pointer(&name), .changed_ms = (int64_t)info->st_mtime * 1000};
    for_each_entry(path, measure_entry, &(struct measure){&found, 0});
    g_array_append_val(runs, found);
}

/* A run id begins with its time. */
static int compare_runs(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->run_id, ((const struct found *)b)->run_id);
}

static int64_t total_bytes(const GArray *runs)
{
    int64_t total = 0;
    for (guint i = 0; i < runs->len; i++)
        total += g_array_index(runs, struct found, i).bytes;
    return total;
}

unsigned retention_clean(const char *root, const struct retention *retention, int64_t now_ms,
                         const char *const *keep)
{
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(struct found));
    unsigned removed = 0;
    g_array_set_clear_func(runs, clear_found);
    for_each_entry(root, find_run, runs);
    g_array_sort(runs, compare_runs);
    int64_t total = total_bytes(runs);
    for (guint i = 0; i < runs->len; i++) {
        const struct found *run = &g_array_index(runs, struct found, i);
        bool too_old = retention->max_age_ms > 0 && now_ms - run->changed_ms > retention->max_age_ms;
        bool too_much = retention->max_bytes > 0 && total > retention->max_bytes;
        if ((!too_old && !too_much) || g_strv_contains(keep, run->run_id))
            continue;
        g_autofree char *path = g_build_filename(root, run->run_id, NULL);
        for_each_entry(path, remove_entry, &(unsigned){0});
        removed += g_rmdir(path) == 0;
        total -= run->bytes;
    }
    if (removed > 0)
        dub_log_info("%u old run bundles were removed from %s", removed, root);
    return removed;
}
