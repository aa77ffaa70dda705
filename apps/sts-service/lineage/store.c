/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"

#include "../audio/wav.h"
#include "set_names.h"
#include "set_scan.h"

#include <dubbing_file.h>
#include <dubbing_json.h>
#include <string.h>

/* One complete set. */
struct kept {
    char *stem; /* path without suffix; the names in a folder sort by time */
    int64_t bytes;
    int64_t time_ms;
};

struct store {
    struct store_config config;
    char *folder;
    GQueue kept; /* of struct kept, oldest first */
    int64_t bytes;
    unsigned n_written; /* makes names unique within the millisecond */
};

static void free_kept(void *data)
{
    struct kept *kept = data;
    g_free(kept->stem);
    g_free(kept);
}

static void keep(char *take_stem, int64_t bytes, int64_t time_ms, void *user)
{
    struct store *store = user;
    struct kept *kept = g_new(struct kept, 1);
    *kept = (struct kept){take_stem, bytes, time_ms};
    g_queue_push_tail(&store->kept, kept);
    store->bytes += bytes;
}

static gint compare_kept(gconstpointer a, gconstpointer b, gpointer user)
{
    int64_t first = ((const struct kept *)a)->time_ms, second = ((const struct kept *)b)->time_ms;
    return first < second ? -1 : first > second;
}

static void remove_oldest(struct store *store)
{
    struct kept *oldest = g_queue_pop_head(&store->kept);
    store->bytes -= oldest->bytes;
    set_remove(oldest->stem);
    free_kept(oldest);
}

void store_trim(struct store *store, int64_t now_ms)
{
    const struct kept *oldest;
    while ((oldest = g_queue_peek_head(&store->kept)) && now_ms - oldest->time_ms > store->config.max_age_ms)
        remove_oldest(store);
}

static void make_room(struct store *store, int64_t bytes)
{
    while (store->kept.length > 0 && store->bytes + bytes > store->config.max_bytes)
        remove_oldest(store);
}

struct store *store_open(const struct store_config *config, int64_t now_ms)
{
    struct store *store = g_new0(struct store, 1);
    store->config = *config;
    if (!store->config.write_file)
        store->config.write_file = dub_file_write_atomic;
    store->folder = g_strdup(config->folder);
    g_queue_init(&store->kept);
    set_scan(store->folder, keep, store);
    g_queue_sort(&store->kept, compare_kept, NULL);
    store_trim(store, now_ms);
    make_room(store, 0);
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    g_queue_clear_full(&store->kept, free_kept);
    g_free(store->folder);
    g_free(store);
}

unsigned store_count(const struct store *store)
{
    return store->kept.length;
}

int64_t store_bytes(const struct store *store)
{
    return store->bytes;
}

/* The files of one record, in the order in which they are written. */
struct file {
    char *name; /* NULL: there is none */
    GBytes *data;
};

enum { FRAGMENT, DUB, JSON, N_FILES };

/* M4A is a file already; samples get a header. */
static struct file audio_file(const struct dub_audio *audio, const char *stem, const char *what)
{
    bool is_pcm = audio->format == DUB_FORMAT_PCM_S16LE;
    if (!audio->data)
        return (struct file){0};
    return (struct file){
        .name = g_strdup_printf("%s.%s.%s", stem, what, is_pcm ? "wav" : "m4a"),
        .data = is_pcm ? wav_wrap_s16le(audio->data, audio->sample_rate_hz, audio->channels)
                       : g_bytes_ref(audio->data),
    };
}

static struct file json_file(const struct store *store, const struct lineage_record *record, const char *stem,
                             const struct file *files)
{
    g_autoptr(JsonNode) node =
        lineage_record_to_json(record, &store->config.origin, files[FRAGMENT].name, files[DUB].name);
    char *text = dub_json_to_string(node);
    return (struct file){.name = g_strconcat(stem, ".json", NULL),
                         .data = g_bytes_new_take(text, strlen(text))};
}

static bool write_files(const struct store *store, const char *folder, const struct file *files,
                        struct dub_error *error)
{
    if (!dub_dir_ensure(folder, error))
        return false;
    for (int i = 0; i < N_FILES; i++) {
        if (!files[i].name)
            continue;
        g_autofree char *path = g_build_filename(folder, files[i].name, NULL);
        gsize size;
        const void *data = g_bytes_get_data(files[i].data, &size);
        if (!store->config.write_file(path, data, size, error))
            return false;
    }
    return true;
}

static int64_t total_bytes(const struct file *files)
{
    int64_t total = 0;
    for (int i = 0; i < N_FILES; i++)
        total += files[i].data ? (int64_t)g_bytes_get_size(files[i].data) : 0;
    return total;
}

static bool add_files(struct store *store, const char *folder, const char *stem, const struct file *files,
                      int64_t now_ms, struct dub_error *error)
{
    int64_t bytes = total_bytes(files);
    if (bytes > store->config.max_bytes)
        return dub_error_set(error, DUB_ERROR_LIMIT,
                             "one fragment needs %" G_GINT64_FORMAT " bytes, all may have %" G_GINT64_FORMAT,
                             bytes, store->config.max_bytes);
    g_autofree char *stem_path = g_build_filename(folder, stem, NULL);
    make_room(store, bytes);
    if (!write_files(store, folder, files, error)) {
        set_remove(stem_path);
        return false;
    }
    keep(g_steal_pointer(&stem_path), bytes, now_ms, store);
    return true;
}

bool store_add(struct store *store, const struct lineage_record *record, int64_t now_ms,
               struct dub_error *error)
{
    g_autofree char *stream = set_folder_name(record->fragment.stream_id);
    g_autofree char *folder = g_build_filename(store->folder, stream, NULL);
    g_autofree char *stem = set_stem(now_ms, store->n_written++, record->fragment.fragment_id);
    struct file files[N_FILES] = {
        [FRAGMENT] = audio_file(&record->fragment.audio, stem, "fragment"),
        [DUB] = audio_file(&record->result.dubbed_audio, stem, "dub"),
    };
    files[JSON] = json_file(store, record, stem, files);
    store_trim(store, now_ms);
    bool added = add_files(store, folder, stem, files, now_ms, error);
    for (int i = 0; i < N_FILES; i++) {
        g_free(files[i].name);
        g_bytes_unref(files[i].data);
    }
    return added;
}
