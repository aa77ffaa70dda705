/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "seal.h"

#include "ledger_file.h"
#include "run_folder.h"

#include <dubbing_clock.h>
#include <dubbing_file.h>
#include <dubbing_json.h>
#include <dubbing_ledger.h>
#include <dubbing_log.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (64 << 10)
#define WAV_RIFF_BYTES 12
#define AUDIO_NUMBER_LENGTH 7 /* "000001-" */
#define UUID_LENGTH 36

static const char *const status_names[] = {
#define X(name, text) text,
    RUN_STATUSES(X)
#undef X
};

const char *run_status_name(enum run_status status)
{
    return status_names[status];
}

static const char *text_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : "";
}

JsonObject *seal_read_manifest(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, RUN_MANIFEST, NULL);
    g_autofree char *run_id = g_path_get_basename(folder);
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    JsonNode *root =
        json_parser_load_from_mapped_file(parser, path, NULL) ? json_parser_get_root(parser) : NULL;
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root) ||
        strcmp(text_of(json_node_get_object(root), "runId"), run_id) != 0)
        return NULL;
    return json_object_ref(json_node_get_object(root));
}

enum run_status seal_status_of(JsonObject *manifest)
{
    unsigned status = 0;
    while (status < RUN_STATUS_COUNT && strcmp(text_of(manifest, "status"), status_names[status]) != 0)
        status++;
    return (enum run_status)status;
}

static bool is_listed_file_intact(const char *folder, JsonNode *node)
{
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return false;
    JsonObject *file = json_node_get_object(node);
    g_autofree char *path = g_build_filename(folder, text_of(file, "path"), NULL);
    GStatBuf info;
    return g_lstat(path, &info) == 0 && S_ISREG(info.st_mode) &&
           info.st_size == json_object_get_int_member_with_default(file, "bytes", -1);
}

bool seal_is_intact(const char *folder)
{
    g_autoptr(JsonObject) manifest = seal_read_manifest(folder);
    enum run_status status = manifest != NULL ? seal_status_of(manifest) : RUN_STATUS_COUNT;
    if (status != RUN_COMPLETE && status != RUN_INTERRUPTED)
        return false;
    JsonNode *files = json_object_get_member(manifest, "files");
    if (files == NULL || !JSON_NODE_HOLDS_ARRAY(files))
        return false;
    g_autoptr(GList) items = json_array_get_elements(json_node_get_array(files));
    bool intact = true;
    for (GList *item = items; item != NULL && intact; item = item->next)
        intact = is_listed_file_intact(folder, item->data);
    return intact;
}

/* What is known of a folder while it is sealed. */
struct sealing {
    const char *folder;
    const int *hurry;
    GPtrArray *names; /* of the files that stay, relative, owned */
    JsonArray *removed;
    struct ledger_counts ledger;
    int64_t last_change_ms;
};

static bool is_hurried(const struct sealing *sealing)
{
    return sealing->hurry != NULL && g_atomic_int_get(sealing->hurry) != 0;
}

/* ---- the folder is put in order ---- */

static bool is_damaged_wav(const struct run_file *file)
{
    uint8_t head[WAV_RIFF_BYTES];
    int fd = g_open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    bool read_whole = fd >= 0 && pread(fd, head, sizeof head, 0) == sizeof head;
    if (fd >= 0)
        close(fd);
    if (!read_whole || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0)
        return true;
    uint32_t rest = head[4] | (uint32_t)head[5] << 8 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 24;
    return (int64_t)rest + 8 != file->info->st_size;
}

static bool is_damaged(const struct run_file *file)
{
    if (g_str_has_suffix(file->name, ".wav"))
        return is_damaged_wav(file);
    return g_str_has_suffix(file->name, ".m4a") && file->info->st_size == 0;
}

static void sort_file(const struct run_file *file, void *user)
{
    struct sealing *sealing = user;
    if (run_folder_is_temporary(file->name)) {
        (void)g_unlink(file->path);
        return;
    }
    sealing->last_change_ms = MAX(sealing->last_change_ms, (int64_t)file->info->st_mtime * 1000);
    if (strcmp(file->name, RUN_MANIFEST) == 0)
        return;
    if (is_damaged(file) && g_unlink(file->path) == 0) {
        dub_log_warn("%s is damaged and was removed", file->path);
        json_array_add_string_element(sealing->removed, file->name);
        return;
    }
    g_ptr_array_add(sealing->names, g_strdup(file->name));
}

static bool repair_ledger(struct sealing *sealing, struct dub_error *error)
{
    g_autofree char *path = g_build_filename(sealing->folder, RUN_LEDGER, NULL);
    if (!ledger_file_repair(path, &sealing->ledger, error))
        return false;
    if (sealing->ledger.bad > 0)
        dub_log_warn("%" G_GINT64_FORMAT " damaged lines were removed from %s", sealing->ledger.bad, path);
    return true;
}

/* ---- the files are listed ---- */

static bool measure(const char *path, int64_t *bytes, GChecksum *sum, struct dub_error *error)
{
    guint8 data[READ_BYTES];
    ssize_t n = 0;
    int fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd < 0)
        return dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot read %s", path);
    /* What the manifest vouches for must be there after a power failure too. */
    (void)!fsync(fd);
    for (*bytes = 0; (n = read(fd, data, READ_BYTES)) > 0; *bytes += n)
        g_checksum_update(sum, data, n);
    int errnum = errno;
    close(fd);
    return n == 0 || dub_error_set_errno(error, DUB_ERROR_IO, errnum, "cannot read %s", path);
}

/* "audio/000012-<fragment id>.in.wav": which fragment it is, as the ledger calls it. */
static void add_fragment(JsonObject *object, const char *name)
{
    const char *file =
        strncmp(name, RUN_AUDIO "/", strlen(RUN_AUDIO "/")) == 0 ? name + strlen(RUN_AUDIO "/") : "";
    if (strlen(file) < AUDIO_NUMBER_LENGTH + UUID_LENGTH)
        return;
    g_autofree char *fragment_id = g_strndup(file + AUDIO_NUMBER_LENGTH, UUID_LENGTH);
    json_object_set_string_member(object, "fragmentId", fragment_id);
    json_object_set_string_member(object, "direction",
                                  strstr(name, ".out.") != NULL    ? "out"
                                  : strstr(name, ".late.") != NULL ? "late"
                                                                   : "in");
}

static JsonObject *describe_file(const struct sealing *sealing, const char *name, struct dub_error *error)
{
    g_autofree char *path = g_build_filename(sealing->folder, name, NULL);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    int64_t bytes = 0;
    if (is_hurried(sealing)) {
        dub_error_set(error, DUB_ERROR_CANCELLED, "there is no time left for %s", sealing->folder);
        return NULL;
    }
    if (!measure(path, &bytes, sum, error))
        return NULL;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "path", name);
    json_object_set_int_member(object, "bytes", bytes);
    json_object_set_string_member(object, "sha256", g_checksum_get_string(sum));
    add_fragment(object, name);
    return object;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static JsonArray *describe_files(const struct sealing *sealing, struct dub_error *error)
{
    g_autoptr(JsonArray) files = json_array_new();
    g_ptr_array_sort(sealing->names, compare_names);
    for (guint i = 0; i < sealing->names->len; i++) {
        JsonObject *file = describe_file(sealing, sealing->names->pdata[i], error);
        if (file == NULL)
            return NULL;
        json_array_add_object_element(files, file);
    }
    return g_steal_pointer(&files);
}

/* ---- the manifest ---- */

static void add_interruption(const struct sealing *sealing, JsonObject *manifest)
{
    JsonObject *counts = json_object_new();
    char ended[32];
    for (unsigned i = 0; i < DUB_PHRASE_STATE_COUNT; i++)
        json_object_set_int_member(counts, dub_phrase_state_name((enum dub_phrase_state)i),
                                   sealing->ledger.states[i]);
    json_object_set_object_member(manifest, "phrases", counts);
    if (json_object_has_member(manifest, "endedAt"))
        return;
    dub_wall_time_format(sealing->last_change_ms, ended);
    json_object_set_string_member(manifest, "endedAt", ended);
}

static JsonObject *copy_facts(JsonObject *facts)
{
    JsonObject *copy = json_object_new();
    g_autoptr(GList) names = json_object_get_members(facts);
    for (GList *name = names; name != NULL; name = name->next)
        json_object_set_member(copy, name->data, json_object_dup_member(facts, name->data));
    return copy;
}

static bool write_manifest(const struct sealing *sealing, JsonObject *facts, JsonArray *take_files,
                           struct dub_error *error)
{
    bool was_ended = seal_status_of(facts) == RUN_CLOSING || seal_status_of(facts) == RUN_COMPLETE;
    JsonObject *manifest = copy_facts(facts);
    json_object_set_string_member(manifest, "status",
                                  run_status_name(was_ended ? RUN_COMPLETE : RUN_INTERRUPTED));
    if (!was_ended)
        add_interruption(sealing, manifest);
    json_object_set_int_member(manifest, "ledgerLines", sealing->ledger.lines);
    if (json_array_get_length(sealing->removed) > 0)
        json_object_set_array_member(manifest, "removed", json_array_ref(sealing->removed));
    json_object_set_array_member(manifest, "files", take_files);
    g_autofree char *text = dub_json_object_to_string_take(manifest);
    g_autofree char *path = g_build_filename(sealing->folder, RUN_MANIFEST, NULL);
    g_autofree char *root = g_path_get_dirname(sealing->folder);
    if (!dub_file_write_atomic(path, text, strlen(text), error))
        return false;
    dub_dir_sync(root);
    return true;
}

static bool list_and_write(const struct sealing *sealing, JsonObject *facts, struct dub_error *error)
{
    JsonArray *files = describe_files(sealing, error);
    return files != NULL && write_manifest(sealing, facts, files, error);
}

static void open_sealing(struct sealing *sealing, const char *folder, const int *hurry)
{
    *sealing = (struct sealing){.folder = folder,
                                .hurry = hurry,
                                .names = g_ptr_array_new_with_free_func(g_free),
                                .removed = json_array_new()};
    run_folder_visit(folder, sort_file, sealing);
}

static void close_sealing(struct sealing *sealing)
{
    g_ptr_array_unref(sealing->names);
    json_array_unref(sealing->removed);
}

bool seal_run(const char *folder, JsonObject *facts, const int *hurry, struct dub_error *error)
{
    struct sealing sealing;
    open_sealing(&sealing, folder, hurry);
    bool sealed = repair_ledger(&sealing, error) && list_and_write(&sealing, facts, error);
    close_sealing(&sealing);
    return sealed;
}

/* ---- what an earlier program has left ---- */

static JsonObject *make_up_facts(const char *folder)
{
    JsonObject *facts = json_object_new();
    g_autofree char *run_id = g_path_get_basename(folder);
    json_object_set_string_member(facts, "runId", run_id);
    return facts;
}

bool seal_leftover(const char *folder, const int *hurry, struct dub_error *error)
{
    struct sealing sealing;
    g_autoptr(JsonObject) facts = seal_read_manifest(folder);
    bool is_known = facts != NULL;
    if (!is_known)
        facts = make_up_facts(folder);
    open_sealing(&sealing, folder, hurry);
    bool sealed = repair_ledger(&sealing, error);
    bool is_empty = sealed && !is_known && sealing.ledger.lines == 0 && sealing.names->len <= 1;
    if (is_empty)
        sealed = run_folder_remove(folder);
    else
        sealed = sealed && list_and_write(&sealing, facts, error);
    close_sealing(&sealing);
    if (sealed)
        dub_log_warn(is_empty ? "the empty run bundle %s was removed"
                              : "the run bundle %s was not closed, or is damaged; it has been put in order",
                     folder);
    return sealed;
}
