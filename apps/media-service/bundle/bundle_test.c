/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bundle.h"

#include "bundle_test_support.h"
#include "run_folder.h"
#include "seal.h"

#include <dubbing_clock.h>
#include <errno.h>

/* Far more than a loaded machine needs; only the tests of a disk that does not answer wait for less. */
#define PATIENT_NS (60 * DUB_NS_PER_S)

static struct bundle_store *store_on(const struct bundle_fixture *fixture)
{
    return bundle_store_new(&(struct bundle_store_config){.root = fixture->root, .stop_wait_ns = PATIENT_NS});
}

static void append(struct bundle *bundle, int first, int last)
{
    for (int i = first; i <= last; i++) {
        g_autofree char *line = bundle_line(i);
        bundle_append_line(bundle, line);
    }
}

static JsonObject *facts(const char *name, const char *value)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, name, value);
    return object;
}

static void collect(const char *line, void *user)
{
    g_string_append_printf(user, "%s\n", line);
}

static void assert_ledger(const struct bundle_fixture *fixture, int first, int last)
{
    g_autofree char *expected = bundle_lines(first, last);
    g_autofree char *text = bundle_read(fixture, TEST_RUN, RUN_LEDGER);
    g_assert_cmpstr(text, ==, expected);
}

static void test_a_run_from_begin_to_end(struct bundle_fixture *fixture, const void *data)
{
    struct bundle_store *store = store_on(fixture);
    struct bundle *bundle = bundle_open(store, "demo", TEST_RUN);
    bundle_write_manifest(bundle, facts("state", "starting"));
    append(bundle, 1, 3);
    bundle_end(bundle, facts("exit", "stopped"));
    bundle_store_free(store);
    assert_ledger(fixture, 1, 3);
    bundle_assert_files(fixture, TEST_RUN, "ledger.ndjson");
    bundle_assert_member(fixture, TEST_RUN, "streamId", "demo");
    bundle_assert_member(fixture, TEST_RUN, "runId", TEST_RUN);
    bundle_assert_member(fixture, TEST_RUN, "status", "complete");
    bundle_assert_member(fixture, TEST_RUN, "exit", "stopped");
}

/* media-service has died and another one goes on with the run: nothing is closed meanwhile. */
static void test_an_adopted_run_goes_on(struct bundle_fixture *fixture, const void *data)
{
    g_autoptr(GString) read = g_string_new(NULL);
    struct bundle_store *store = store_on(fixture);
    struct bundle *bundle = bundle_open(store, "demo", TEST_RUN);
    bundle_write_manifest(bundle, facts("state", "running"));
    append(bundle, 1, 3);
    bundle_close(bundle);
    bundle_store_free(store);
    bundle_assert_member(fixture, TEST_RUN, "status", "running");
    store = store_on(fixture);
    bundle = bundle_open(store, "demo", TEST_RUN);
    bundle_store_clean_up(store);
    bundle_read_lines(bundle, 2, collect, read);
    g_autofree char *expected = bundle_lines(2, 3);
    g_assert_cmpstr(read->str, ==, expected);
    append(bundle, 4, 4);
    bundle_end(bundle, facts("exit", "stopped"));
    bundle_store_free(store);
    assert_ledger(fixture, 1, 4);
    bundle_assert_member(fixture, TEST_RUN, "status", "complete");
}

/* Nobody goes on with it. */
static void test_a_run_of_a_crash_is_interrupted(struct bundle_fixture *fixture, const void *data)
{
    struct bundle_store *store = store_on(fixture);
    struct bundle *bundle = bundle_open(store, "demo", TEST_RUN);
    bundle_write_manifest(bundle, facts("state", "running"));
    append(bundle, 1, 3);
    bundle_close(bundle);
    bundle_close(NULL);
    bundle_store_free(store);
    g_autofree char *ledger = bundle_read(fixture, TEST_RUN, RUN_LEDGER);
    g_autofree char *cut = g_strconcat(ledger, "{\"seq\":4,\"fra", NULL);
    bundle_put(fixture, TEST_RUN, RUN_LEDGER, cut, -1);
    bundle_put(fixture, TEST_RUN, "manifest.json.A1b2C3", "{", -1);
    store = store_on(fixture);
    bundle_store_clean_up(store);
    bundle_store_free(store);
    assert_ledger(fixture, 1, 3);
    bundle_assert_files(fixture, TEST_RUN, "ledger.ndjson");
    bundle_assert_member(fixture, TEST_RUN, "status", "interrupted");
    g_assert_false(bundle_has(fixture, TEST_RUN, "manifest.json.A1b2C3"));
}

static void test_the_tick_makes_room(struct bundle_fixture *fixture, const void *data)
{
    static const char *const old = "20250102T030405.678Z-4f9a1c2e";
    struct bundle_store *store = bundle_store_new(&(struct bundle_store_config){
        .root = fixture->root, .retention = {.max_bytes = 1}, .stop_wait_ns = PATIENT_NS});
    struct bundle *bundle = bundle_open(store, "demo", TEST_RUN);
    bundle_put(fixture, old, RUN_LEDGER, "0123456789", 10);
    append(bundle, 1, 1);
    bundle_store_tick(store);
    bundle_close(bundle);
    bundle_store_free(store);
    g_assert_false(bundle_has(fixture, old, ""));
    assert_ledger(fixture, 1, 1);
}

/* Waits for what a thread of the store is to bring about. */
static void wait_for_status(const struct bundle_fixture *fixture, const char *status)
{
    int64_t until_ns = dub_clock_now_ns(dub_clock_monotonic()) + PATIENT_NS;
    for (bool reached = false; !reached; g_usleep(1000)) {
        g_autoptr(JsonObject) manifest = bundle_manifest(fixture, TEST_RUN);
        reached = manifest != NULL && strcmp(json_object_get_string_member(manifest, "status"), status) == 0;
        g_assert_cmpint(dub_clock_now_ns(dub_clock_monotonic()), <, until_ns);
    }
}

static void wait_for_ledger(const struct bundle_fixture *fixture, int last)
{
    g_autofree char *expected = bundle_lines(1, last);
    int64_t until_ns = dub_clock_now_ns(dub_clock_monotonic()) + PATIENT_NS;
    for (bool reached = false; !reached; g_usleep(1000)) {
        g_autofree char *text = bundle_read(fixture, TEST_RUN, RUN_LEDGER);
        reached = strcmp(text, expected) == 0;
        g_assert_cmpint(dub_clock_now_ns(dub_clock_monotonic()), <, until_ns);
    }
}

/* Not even where nothing of it tells so: somebody has removed its ledger. */
static void test_a_run_that_lasts_is_not_closed(struct bundle_fixture *fixture, const void *data)
{
    struct bundle_store *store = store_on(fixture);
    struct bundle *bundle = bundle_open(store, "demo", TEST_RUN);
    g_autofree char *ledger = bundle_path(fixture, TEST_RUN, RUN_LEDGER);
    bundle_write_manifest(bundle, facts("state", "running"));
    append(bundle, 1, 1);
    wait_for_ledger(fixture, 1);
    g_assert_cmpint(g_unlink(ledger), ==, 0);
    bundle_store_clean_up(store);
    bundle_close(bundle);
    bundle_store_free(store);
    bundle_assert_member(fixture, TEST_RUN, "status", "running");
}

static void wait_for_refusal(struct bundle_store *store)
{
    int64_t until_ns = dub_clock_now_ns(dub_clock_monotonic()) + PATIENT_NS;
    for (; !bundle_store_is_refused(store); g_usleep(1000))
        g_assert_cmpint(dub_clock_now_ns(dub_clock_monotonic()), <, until_ns);
}

/* A run that begins and ends while nothing can be written is there once it can. */
static void use_read_only_disk(const struct bundle_fixture *fixture)
{
    g_autofree char *path = g_build_filename(fixture->root, TEST_RUN, NULL);
    bundle_remove_tree(path);
    g_assert_true(test_disk_set_read_only(fixture->root, true));
    struct bundle_store *store = store_on(fixture);
    struct bundle *bundle = bundle_open(store, "demo", TEST_RUN);
    bundle_write_manifest(bundle, facts("state", "running"));
    append(bundle, 1, 2);
    bundle_end(bundle, facts("exit", "stopped"));
    wait_for_refusal(store);
    bundle_store_tick(store);
    g_assert_true(test_disk_set_read_only(fixture->root, false));
    bundle_store_tick(store);
    bundle_store_tick(store);
    wait_for_status(fixture, "complete");
    bundle_store_free(store);
    assert_ledger(fixture, 1, 2);
}

/* The disk fills up in the middle of a run and has room again before its end: the account is whole. */
static void test_full_and_read_only_disk(struct bundle_fixture *fixture, const void *data)
{
    if (!g_test_subprocess()) {
        if (!test_disk_may_mount(fixture->root)) {
            g_test_skip("no right to mount here");
            return;
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        /* Once when it begins and once when it ends, for both disks. */
        g_test_trap_assert_stderr(
            "*cannot be written*No space*written*again*cannot be written*written*again*");
        g_test_trap_assert_stderr_unmatched("*cannot be*cannot be*cannot be*");
        g_test_trap_assert_stderr_unmatched("*again*again*again*");
        return;
    }
    g_assert_true(test_disk_mount(fixture->root, "256k"));
    struct bundle_store *store = store_on(fixture);
    struct bundle *bundle = bundle_open(store, "demo", TEST_RUN);
    bundle_write_manifest(bundle, facts("state", "running"));
    append(bundle, 1, 1);
    wait_for_ledger(fixture, 1);
    g_assert_false(bundle_store_is_refused(store));
    test_disk_fill(fixture->root);
    append(bundle, 2, 60);
    bundle_store_tick(store);
    wait_for_refusal(store);
    test_disk_empty(fixture->root);
    append(bundle, 61, 61);
    wait_for_ledger(fixture, 61);
    bundle_end(bundle, facts("exit", "stopped"));
    bundle_store_free(store);
    bundle_assert_files(fixture, TEST_RUN, "ledger.ndjson");
    assert_ledger(fixture, 1, 61);
    use_read_only_disk(fixture);
    g_assert_cmpint(umount(fixture->root), ==, 0);
}

static void test_unwritable_root_is_said_once_and_harmless(void)
{
    if (g_test_subprocess()) {
        struct bundle_store *store = bundle_store_new(
            &(struct bundle_store_config){.root = "/proc/nonexistent", .stop_wait_ns = PATIENT_NS});
        for (int i = 0; i < 3; i++) {
            struct bundle *bundle = bundle_open(store, "demo", TEST_RUN);
            bundle_write_manifest(bundle, json_object_new());
            append(bundle, 1, 10);
            bundle_read_lines(bundle, 1, NULL, NULL);
            bundle_end(bundle, json_object_new());
            bundle_store_clean_up(store);
            bundle_store_tick(store);
        }
        bundle_store_free(store);
        bundle_store_free(NULL);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*run bundles cannot be written*");
    g_test_trap_assert_stderr_unmatched("*cannot be written*cannot be written*");
}

/* A manifest that is a pipe without a writer: reading it waits for ever, as with a dead network disk. Nobody
 * else waits for that, not even at the end. */
static void test_a_disk_that_does_not_answer(struct bundle_fixture *fixture, const void *data)
{
    if (g_test_subprocess()) {
        g_autofree char *folder = g_build_filename(fixture->root, TEST_RUN, NULL);
        g_autofree char *pipe = g_build_filename(folder, RUN_MANIFEST, NULL);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
        struct bundle_store *store = bundle_store_new(
            &(struct bundle_store_config){.root = fixture->root, .max_waiting = 4, .stop_wait_ns = 1});
        /* The keeper waits for a writer of the pipe. */
        bundle_store_clean_up(store);
        struct bundle *bundle = bundle_open(store, "demo", "20260102T030406.678Z-4f9a1c2e");
        bundle_end(bundle, facts("exit", "stopped"));
        bundle_store_free(store);
        return;
    }
    /* Whoever waited would be killed. */
    g_test_trap_subprocess(NULL, PATIENT_NS / DUB_NS_PER_US, 0);
    g_test_trap_assert_passed();
}

#define ADD(name, function)                                                                                  \
    g_test_add("/bundle/" name, struct bundle_fixture, NULL, bundle_set_up, function, bundle_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-run-from-begin-to-end", test_a_run_from_begin_to_end);
    ADD("an-adopted-run-goes-on", test_an_adopted_run_goes_on);
    ADD("a-run-of-a-crash-is-interrupted", test_a_run_of_a_crash_is_interrupted);
    ADD("the-tick-makes-room", test_the_tick_makes_room);
    ADD("a-run-that-lasts-is-not-closed", test_a_run_that_lasts_is_not_closed);
    ADD("full-and-read-only-disk", test_full_and_read_only_disk);
    ADD("a-disk-that-does-not-answer", test_a_disk_that_does_not_answer);
    g_test_add_func("/bundle/unwritable-root-is-said-once-and-harmless",
                    test_unwritable_root_is_said_once_and_harmless);
    return g_test_run();
}
