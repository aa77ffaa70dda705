/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"

#include "../audio/wav.h"
#include "lineage_test_support.h"

#include <dubbing_file.h>
#include <dubbing_json.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* 2026-01-02T03:04:05.678Z */
#define NOW_MS INT64_C(1767323045678)
#define STEM "20260102T030405.678Z-000000-id"
#define COMPLETE STEM ".dub.wav " STEM ".fragment.wav " STEM ".json"
#define MANY_BYTES (INT64_C(1) << 40)
#define HOUR_MS (INT64_C(3600) * 1000)

struct stand {
    char *root;
    struct store_config config;
    struct store *store;
};

static void open_stand(struct stand *stand, int64_t max_bytes)
{
    *stand = (struct stand){.root = g_dir_make_tmp("sts-store-XXXXXX", NULL)};
    g_assert_nonnull(stand->root);
    stand->config =
        (struct store_config){.folder = stand->root, .max_bytes = max_bytes, .max_age_ms = 24 * HOUR_MS};
    stand->store = store_open(&stand->config, NOW_MS);
}

static void reopen(struct stand *stand, int64_t now_ms)
{
    store_close(stand->store);
    stand->store = store_open(&stand->config, now_ms);
}

static void close_stand(struct stand *stand)
{
    store_close(stand->store);
    lineage_test_remove(stand->root);
    g_free(stand->root);
}

static bool add_for(struct stand *stand, const char *stream_id, const char *fragment_id, int64_t now_ms,
                    struct dub_error *error)
{
    struct job *job = lineage_test_job(stream_id, fragment_id);
    struct lineage_record *record = lineage_record_new(job, DUB_NS_PER_S, now_ms);
    bool added = store_add(stand->store, record, now_ms, error);
    lineage_record_free(record);
    job_free(job);
    return added;
}

static void add(struct stand *stand, const char *fragment_id, int64_t now_ms)
{
    struct dub_error error = {0};
    bool added = add_for(stand, "news", fragment_id, now_ms, &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_true(added);
}

static void expect_files(const struct stand *stand, const char *stream, const char *expected)
{
    g_autofree char *list = lineage_test_list(stand->root, stream);
    g_assert_cmpstr(list, ==, expected);
}

static void put_file(const struct stand *stand, const char *name)
{
    g_autofree char *path = g_build_filename(stand->root, "news", name, NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0750), ==, 0);
    g_assert_true(g_file_set_contents(path, "x", 1, NULL));
}

static void test_one_set(void)
{
    struct stand stand;
    open_stand(&stand, MANY_BYTES);
    add(&stand, "id", NOW_MS);
    expect_files(&stand, "news", COMPLETE);
    g_assert_cmpuint(store_count(stand.store), ==, 1);

    g_autofree char *wav = g_build_filename(stand.root, "news", STEM ".fragment.wav", NULL);
    pcm_auto clip = {0};
    struct dub_error error;
    g_assert_true(wav_read_file(wav, &clip, &error));
    g_assert_cmpint((int)pcm_duration_ms(&clip), ==, 100);
    g_autofree char *dub = g_build_filename(stand.root, "news", STEM ".dub.wav", NULL);
    pcm_auto stereo = {0};
    g_assert_true(wav_read_file(dub, &stereo, &error));
    g_assert_cmpuint(stereo.count, ==, 2);

    g_autofree char *json = g_build_filename(stand.root, "news", STEM ".json", NULL);
    g_autofree char *text = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(json, &text, &size, NULL));
    g_autoptr(JsonNode) node = dub_json_parse(text, size, &error);
    g_assert_nonnull(node);
    JsonObject *fragment = json_object_get_object_member(json_node_get_object(node), "fragment");
    g_assert_cmpstr(json_object_get_string_member(fragment, "file"), ==, STEM ".fragment.wav");
    close_stand(&stand);
}

static void test_m4a_is_kept_as_it_is(void)
{
    struct stand stand;
    struct dub_error error;
    open_stand(&stand, MANY_BYTES);
    struct job *job = lineage_test_job("news", "id");
    job->fragment.audio.format = DUB_FORMAT_M4A;
    struct lineage_record *record = lineage_record_new(job, 0, NOW_MS);
    g_assert_true(store_add(stand.store, record, NOW_MS, &error));
    g_autofree char *path = g_build_filename(stand.root, "news", STEM ".fragment.m4a", NULL);
    g_autofree char *data = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_autoptr(GBytes) written = g_bytes_new_static(data, size);
    g_assert_true(g_bytes_equal(written, job->fragment.audio.data));
    lineage_record_free(record);
    job_free(job);
    close_stand(&stand);
}

/* Ids come from outside: whatever they hold, the files are in one folder below the root. */
static void test_names_are_safe(void)
{
    static const struct {
        const char *stream, *fragment, *folder, *part;
    } cases[] = {
        {"../../etc", "../passwd", "______etc", "-___passwd."},
        {"..", ".", "__", "-_."},
        {"", "", "_", "-_."},
        {"a/b\\c", "x\ny\xff z", "a_b_c", "-x_y__z."},
        {NULL, NULL, "_", "-_."},
        {"0123456789012345678901234567890123456789012345678901234567890123456789", "x.json",
         "0123456789012345678901234567890123456789012345678901234567890123", "-x_json."},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stand stand;
        struct dub_error error;
        open_stand(&stand, MANY_BYTES);
        g_assert_true(add_for(&stand, cases[i].stream, cases[i].fragment, NOW_MS, &error));
        g_autofree char *list = lineage_test_list(stand.root, cases[i].folder);
        if (!strstr(list, cases[i].part))
            g_error("no %s in %s", cases[i].part, list);
        /* A later start knows them again. */
        reopen(&stand, NOW_MS);
        g_assert_cmpuint(store_count(stand.store), ==, 1);
        close_stand(&stand);
    }
}

static void test_the_oldest_make_room(void)
{
    struct stand stand;
    open_stand(&stand, MANY_BYTES);
    add(&stand, "a", NOW_MS);
    int64_t one = store_bytes(stand.store);
    stand.config.max_bytes = 3 * one;
    reopen(&stand, NOW_MS);
    for (int i = 1; i < 10; i++) {
        add(&stand, "b", NOW_MS + i);
        g_assert_cmpint(store_bytes(stand.store), <=, 3 * one);
    }
    g_assert_cmpuint(store_count(stand.store), ==, 3);
    g_autofree char *list = lineage_test_list(stand.root, "news");
    g_auto(GStrv) names = g_strsplit(list, " ", -1);
    g_assert_cmpuint(g_strv_length(names), ==, 9);
    g_assert_true(g_str_has_prefix(names[0], "20260102T030405.685Z"));
    close_stand(&stand);
}

static void test_larger_than_all_together(void)
{
    struct stand stand;
    struct dub_error error;
    open_stand(&stand, 1000);
    g_assert_false(add_for(&stand, "news", "id", NOW_MS, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    expect_files(&stand, "news", "");
    close_stand(&stand);
}

static void test_old_ones_go(void)
{
    struct stand stand;
    struct dub_error error;
    open_stand(&stand, MANY_BYTES);
    add(&stand, "a", NOW_MS);
    g_assert_true(add_for(&stand, "sports", "b", NOW_MS + HOUR_MS, &error));
    store_trim(stand.store, NOW_MS + 24 * HOUR_MS);
    g_assert_cmpuint(store_count(stand.store), ==, 2);
    store_trim(stand.store, NOW_MS + 24 * HOUR_MS + 1);
    g_assert_cmpuint(store_count(stand.store), ==, 1);
    /* With the last one the stream's folder goes. */
    g_autofree char *folder = g_build_filename(stand.root, "news", NULL);
    g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
    reopen(&stand, NOW_MS + 26 * HOUR_MS);
    g_assert_cmpuint(store_count(stand.store), ==, 0);
    g_assert_cmpint(store_bytes(stand.store), ==, 0);
    close_stand(&stand);
}

/* What an interrupted program leaves behind goes; what is not ours stays. */
static void test_start_cleans_up(void)
{
    struct stand stand;
    open_stand(&stand, MANY_BYTES);
    add(&stand, "id", NOW_MS);
    int64_t one = store_bytes(stand.store);
    put_file(&stand, "20260102T030406.000Z-000001-x.fragment.wav");
    put_file(&stand, "20260102T030406.000Z-000001-x.dub.wav.A1b2C3");
    put_file(&stand, "20260102T030407.000Z-000002-y.json.A1b2C3");
    put_file(&stand, "99999999T999999.999Z-000002-y.json");
    put_file(&stand, "notes.json");
    put_file(&stand, "20260102T030407.000Z-000002-y.txt");
    put_file(&stand, "20260102T030407.000Z-000002-y.json.old");
    g_autofree char *link = g_build_filename(stand.root, "link", NULL);
    g_assert_cmpint(symlink(".", link), ==, 0);
    reopen(&stand, NOW_MS);
    expect_files(&stand, "news",
                 COMPLETE " 20260102T030407.000Z-000002-y.json.old 20260102T030407.000Z-000002-y.txt"
                          " notes.json");
    g_assert_cmpuint(store_count(stand.store), ==, 1);
    g_assert_cmpint(store_bytes(stand.store), ==, one);
    close_stand(&stand);
}

/* ---- disks that refuse ---- */

static int writes_left;

static bool write_until_full(const char *path, const void *data, gsize size, struct dub_error *error)
{
    if (writes_left-- > 0)
        return dub_file_write_atomic(path, data, size, error);
    return dub_error_set_errno(error, DUB_ERROR_IO, ENOSPC, "cannot write %s", path);
}

/* Whichever file of the set the disk refuses: nothing of it is left, and the next one may succeed. */
static void test_refused_at_any_file(void)
{
    struct stand stand;
    struct dub_error error;
    open_stand(&stand, MANY_BYTES);
    stand.config.write_file = write_until_full;
    reopen(&stand, NOW_MS);
    for (int allowed = 0; allowed < 3; allowed++) {
        writes_left = allowed;
        g_assert_false(add_for(&stand, "news", "id", NOW_MS, &error));
        g_assert_nonnull(strstr(error.message, g_strerror(ENOSPC)));
        expect_files(&stand, "news", "");
        g_assert_cmpint(store_bytes(stand.store), ==, 0);
    }
    writes_left = 3;
    add(&stand, "id", NOW_MS);
    close_stand(&stand);
}

/* The real writer, stopped by the kernel in the middle of a file. */
static void test_refused_by_the_kernel(void)
{
    struct stand stand;
    struct dub_error error;
    struct rlimit before;
    open_stand(&stand, MANY_BYTES);
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = before.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    bool added = add_for(&stand, "news", "id", NOW_MS, &error);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_false(added);
    expect_files(&stand, "news", "");
    close_stand(&stand);
}

static void test_folder_cannot_be_made(void)
{
    struct stand stand;
    struct dub_error error;
    open_stand(&stand, MANY_BYTES);
    g_autofree char *file = g_build_filename(stand.root, "file", NULL);
    g_assert_true(g_file_set_contents(file, "x", 1, NULL));
    stand.config.folder = file;
    reopen(&stand, NOW_MS);
    g_assert_false(add_for(&stand, "news", "id", NOW_MS, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_IO);
    close_stand(&stand);
}

/* In a mount namespace of our own, with nothing of it seen outside. */
static bool mount_tmpfs(const char *path)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", path, "tmpfs", 0, "size=16k") == 0;
}

static bool may_mount(const char *path)
{
    int status = 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(mount_tmpfs(path) ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void run_small_and_read_only_disk(const char *root)
{
    if (!may_mount(root)) {
        g_test_skip("no right to mount here");
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}

/* A file system of our own, where the machine lets us have one: first small, then read-only. */
static void test_small_and_read_only_disk(void)
{
    struct stand stand;
    struct dub_error error;
    open_stand(&stand, MANY_BYTES);
    if (!g_test_subprocess()) {
        run_small_and_read_only_disk(stand.root);
        close_stand(&stand);
        return;
    }
    g_assert_true(mount_tmpfs(stand.root));
    add(&stand, "id", NOW_MS);
    g_assert_false(add_for(&stand, "news", "x", NOW_MS, &error));
    g_assert_nonnull(strstr(error.message, g_strerror(ENOSPC)));
    expect_files(&stand, "news", COMPLETE);
    g_assert_cmpint(mount(NULL, stand.root, NULL, MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
    g_assert_false(add_for(&stand, "news", "x", NOW_MS, &error));
    g_assert_nonnull(strstr(error.message, g_strerror(EROFS)));
    reopen(&stand, NOW_MS + 48 * HOUR_MS);
    expect_files(&stand, "news", COMPLETE);
    g_assert_cmpint(umount(stand.root), ==, 0);
    close_stand(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/one-set", test_one_set);
    g_test_add_func("/store/m4a-is-kept-as-it-is", test_m4a_is_kept_as_it_is);
    g_test_add_func("/store/names-are-safe", test_names_are_safe);
    g_test_add_func("/store/the-oldest-make-room", test_the_oldest_make_room);
    g_test_add_func("/store/larger-than-all-together", test_larger_than_all_together);
    g_test_add_func("/store/old-ones-go", test_old_ones_go);
    g_test_add_func("/store/start-cleans-up", test_start_cleans_up);
    g_test_add_func("/store/refused-at-any-file", test_refused_at_any_file);
    g_test_add_func("/store/refused-by-the-kernel", test_refused_by_the_kernel);
    g_test_add_func("/store/folder-cannot-be-made", test_folder_cannot_be_made);
    g_test_add_func("/store/small-and-read-only-disk", test_small_and_read_only_disk);
    return g_test_run();
}
