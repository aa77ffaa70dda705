/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"

#include "../audio/wav.h"

#include <dubbing_clock.h>
#include <dubbing_file.h>
#include <dubbing_json.h>
#include <glib/gstdio.h>
#include <string.h>

#define ID_MAX_CHARS 64
#define ID_CHARS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_"
#define STAMP_SHAPE "ddddddddTdddddd.dddZ-"

/* The .json first: a set without it is incomplete. */
static const char *const suffixes[] = {".json", ".fragment.wav", ".fragment.m4a", ".dub.wav", ".dub.m4a"};

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

/* ---- names ---- */

static char *safe_name(const char *id)
{
    char *name = g_strndup(id && *id ? id : "_", ID_MAX_CHARS);
    return g_strcanon(name, ID_CHARS, '_');
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

static bool starts_with_stamp(const char *name)
{
    for (size_t i = 0; STAMP_SHAPE[i]; i++)
        if (STAMP_SHAPE[i] == 'd' ? !g_ascii_isdigit(name[i]) : name[i] != STAMP_SHAPE[i])
            return false;
    return true;
}

/* -1 for a name that no calendar knows. */
static int64_t time_of(const char *name)
{
    g_autofree char *text = g_strndup(name, strlen(STAMP_SHAPE) - 1);
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
    if (!time)
        return -1;
    return g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000;
}

/* The length of the stem of a name of ours and which file of the set it is: an index into suffixes, or -1 for
 * a temporary one. 0: not ours. */
static size_t parse_name(const char *name, int *which)
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
        *which = *rest ? -1 : (int)i;
        return (size_t)(found - name);
    }
    return 0;
}

/* ---- what is there ---- */

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

/* A stream's folder while it is looked at. */
struct scan {
    struct store *store;
    GHashTable *sets; /* stem's name -> struct found_set */
};

struct found_set {
    int64_t bytes;
    bool complete;
};

static void scan_file(const char *folder, const char *name, void *user)
{
    struct scan *scan = user;
    int which = -1;
    size_t stem_length = parse_name(name, &which);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    int64_t size = size_of(path);
    if (stem_length == 0 || size < 0)
        return;
    if (which < 0) {
        (void)g_unlink(path);
        return;
    }
    g_autofree char *stem = g_strndup(name, stem_length);
    struct found_set *set = g_hash_table_lookup(scan->sets, stem);
    if (!set) {
        set = g_new0(struct found_set, 1);
        g_hash_table_insert(scan->sets, g_steal_pointer(&stem), set);
    }
    set->bytes += size;
    set->complete |= which == 0;
}

static void remove_files(const char *stem)
{
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strconcat(stem, suffixes[i], NULL);
        (void)g_unlink(path);
    }
}

/* With the stream's folder, if it was the last one there. */
static void remove_set(const char *stem)
{
    g_autofree char *folder = g_path_get_dirname(stem);
    remove_files(stem);
    (void)g_rmdir(folder);
}

static void keep(struct store *store, char *take_stem, int64_t bytes, int64_t time_ms)
{
    struct kept *kept = g_new(struct kept, 1);
    *kept = (struct kept){take_stem, bytes, time_ms};
    g_queue_push_tail(&store->kept, kept);
    store->bytes += bytes;
}

static void scan_folder(const char *folder, const char *name, void *user)
{
    struct store *store = user;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    GStatBuf info;
    if (g_lstat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return;
    struct scan scan = {.store = store,
                        .sets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
    for_each_name(path, scan_file, &scan);
    GHashTableIter each;
    void *stem, *found;
    g_hash_table_iter_init(&each, scan.sets);
    while (g_hash_table_iter_next(&each, &stem, &found)) {
        const struct found_set *set = found;
        g_autofree char *stem_path = g_build_filename(path, stem, NULL);
        int64_t time_ms = time_of(stem);
        if (set->complete && time_ms >= 0)
            keep(store, g_steal_pointer(&stem_path), set->bytes, time_ms);
        else
            remove_set(stem_path);
    }
    g_hash_table_unref(scan.sets);
}

static gint compare_kept(gconstpointer a, gconstpointer b, gpointer user)
{
    int64_t first = ((const struct kept *)a)->time_ms, second = ((const struct kept *)b)->time_ms;
    return first < second ? -1 : first > second;
}

/* ---- bounds ---- */

static void remove_oldest(struct store *store)
{
    struct kept *oldest = g_queue_pop_head(&store->kept);
    store->bytes -= oldest->bytes;
    remove_set(oldest->stem);
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
    for_each_name(store->folder, scan_folder, store);
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

/* ---- writing ---- */

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
        remove_set(stem_path);
        return false;
    }
    keep(store, g_steal_pointer(&stem_path), bytes, now_ms);
    return true;
}

bool store_add(struct store *store, const struct lineage_record *record, int64_t now_ms,
               struct dub_error *error)
{
    g_autofree char *stream = safe_name(record->fragment.stream_id);
    g_autofree char *fragment = safe_name(record->fragment.fragment_id);
    g_autofree char *folder = g_build_filename(store->folder, stream, NULL);
    g_autofree char *time = stamp(now_ms);
    g_autofree char *stem = g_strdup_printf("%s-%06u-%s", time, store->n_written++, fragment);
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
