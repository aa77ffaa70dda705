/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retention.h"

#include "run_folder.h"

#include <dubbing_log.h>
#include <string.h>

struct size {
    int64_t bytes;
    int64_t changed_ms;
};

struct retention_index {
    char *root;
    GHashTable *sizes; /* run id -> struct size, of those that do not run */
};

struct retention_index *retention_index_new(const char *root)
{
    struct retention_index *index = g_new(struct retention_index, 1);
    *index = (struct retention_index){
        .root = g_strdup(root),
        .sizes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
    };
    return index;
}

void retention_index_free(struct retention_index *index)
{
    if (index == NULL)
        return;
    g_hash_table_unref(index->sizes);
    g_free(index->root);
    g_free(index);
}

void retention_forget(struct retention_index *index, const char *run_id)
{
    g_hash_table_remove(index->sizes, run_id);
}

/* One cleaning. */
struct run {
    const char *run_id;
    struct size size;
    bool running;
};

struct cleaning {
    struct retention_index *index;
    const struct retention *retention;
    int64_t now_ms;
    GPtrArray *names; /* owns the run ids */
    GArray *runs;     /* struct run, oldest first */
    int64_t total_bytes;
};

static void add_file(const struct run_file *file, void *user)
{
    struct size *size = user;
    size->bytes += file->info->st_size;
    size->changed_ms = MAX(size->changed_ms, (int64_t)file->info->st_mtime * 1000);
}

static struct size measure(const char *folder)
{
    struct size size = {0};
    GStatBuf info;
    run_folder_visit(folder, add_file, &size);
    if (size.changed_ms == 0 && g_lstat(folder, &info) == 0)
        size.changed_ms = (int64_t)info.st_mtime * 1000;
    return size;
}

static char *folder_of(const struct cleaning *cleaning, const char *run_id)
{
    return g_build_filename(cleaning->index->root, run_id, NULL);
}

static void find_run(struct cleaning *cleaning, const char *run_id, bool running)
{
    GHashTable *sizes = cleaning->index->sizes;
    g_autofree char *folder = folder_of(cleaning, run_id);
    const struct size *known = running ? NULL : g_hash_table_lookup(sizes, run_id);
    struct run run = {run_id, known != NULL ? *known : measure(folder), running};
    if (running)
        g_hash_table_remove(sizes, run_id);
    else if (known == NULL)
        g_hash_table_replace(sizes, g_strdup(run_id), g_memdup2(&run.size, sizeof run.size));
    cleaning->total_bytes += run.size.bytes;
    g_array_append_val(cleaning->runs, run);
}

static bool is_too_much(const struct cleaning *cleaning)
{
    return cleaning->retention->max_bytes > 0 && cleaning->total_bytes > cleaning->retention->max_bytes;
}

static bool is_too_old(const struct cleaning *cleaning, int64_t changed_ms)
{
    int64_t max_age_ms = cleaning->retention->max_age_ms;
    return max_age_ms > 0 && cleaning->now_ms - changed_ms > max_age_ms;
}

static unsigned remove_runs(struct cleaning *cleaning)
{
    unsigned n_removed = 0;
    for (guint i = 0; i < cleaning->runs->len; i++) {
        const struct run *run = &g_array_index(cleaning->runs, struct run, i);
        if (run->running || (!is_too_much(cleaning) && !is_too_old(cleaning, run->size.changed_ms)))
            continue;
        g_autofree char *folder = folder_of(cleaning, run->run_id);
        if (run_folder_is_in_use(folder) || !run_folder_remove(folder))
            continue;
        n_removed++;
        cleaning->total_bytes -= run->size.bytes;
        retention_forget(cleaning->index, run->run_id);
    }
    return n_removed;
}

/* ---- the audio of running ones ---- */

struct audio {
    char *path;
    struct size size;
};

static void clear_audio(void *data)
{
    g_free(((struct audio *)data)->path);
}

static void find_audio(const struct run_file *file, void *user)
{
    GArray *found = user;
    if (!g_str_has_prefix(file->name, RUN_AUDIO "/") || run_folder_is_temporary(file->name))
        return;
    struct audio audio = {g_strdup(file->path), {file->info->st_size, (int64_t)file->info->st_mtime * 1000}};
    g_array_append_val(found, audio);
}

static gint compare_audio(gconstpointer a, gconstpointer b)
{
    const struct audio *first = a, *second = b;
    if (first->size.changed_ms != second->size.changed_ms)
        return first->size.changed_ms < second->size.changed_ms ? -1 : 1;
    return strcmp(first->path, second->path);
}

static GArray *find_running_audio(const struct cleaning *cleaning)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(struct audio));
    g_array_set_clear_func(found, clear_audio);
    for (guint i = 0; i < cleaning->runs->len; i++) {
        const struct run *run = &g_array_index(cleaning->runs, struct run, i);
        g_autofree char *folder = folder_of(cleaning, run->run_id);
        if (run->running)
            run_folder_visit(folder, find_audio, found);
    }
    g_array_sort(found, compare_audio);
    return found;
}

static unsigned remove_audio(struct cleaning *cleaning)
{
    g_autoptr(GArray) found = find_running_audio(cleaning);
    unsigned n_removed = 0;
    for (guint i = 0; i < found->len; i++) {
        const struct audio *audio = &g_array_index(found, struct audio, i);
        if (!is_too_much(cleaning) && !is_too_old(cleaning, audio->size.changed_ms))
            break;
        n_removed += g_unlink(audio->path) == 0;
        cleaning->total_bytes -= audio->size.bytes;
    }
    return n_removed;
}

static gboolean is_not_among(gpointer run_id, gpointer size, gpointer present)
{
    return !g_hash_table_contains(present, run_id);
}

/* Somebody else has removed them. */
static void forget_missing(struct retention_index *index, const GPtrArray *names)
{
    g_autoptr(GHashTable) present = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < names->len; i++)
        g_hash_table_add(present, names->pdata[i]);
    g_hash_table_foreach_remove(index->sizes, is_not_among, present);
}

unsigned retention_clean(struct retention_index *index, const struct retention *retention, int64_t now_ms,
                         bool (*is_running)(const char *run_id, void *user), void *user)
{
    g_autoptr(GPtrArray) names = run_folder_list(index->root);
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(struct run));
    struct cleaning cleaning = {index, retention, now_ms, names, runs, 0};
    forget_missing(index, names);
    for (guint i = 0; i < names->len; i++)
        find_run(&cleaning, names->pdata[i], is_running(names->pdata[i], user));
    unsigned n_runs = remove_runs(&cleaning);
    unsigned n_audio = remove_audio(&cleaning);
    if (n_runs > 0)
        dub_log_info("%u old run bundles were removed from %s", n_runs, index->root);
    if (n_audio > 0)
        dub_log_info("%u old audio files of running streams were removed from %s", n_audio, index->root);
    return n_runs;
}
