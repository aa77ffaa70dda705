/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run_files.h"

#include "bundle_test_support.h"
#include "run_folder.h"

/* A root that is a file until it is made a folder: nothing can be written before. */
struct fixture {
    struct bundle_fixture base;
    char *root;
    struct disk_health health;
};

static void set_up(struct fixture *fixture, const void *data)
{
    bundle_set_up(&fixture->base, data);
    fixture->root = g_build_filename(fixture->base.root, "runs", NULL);
    disk_health_init(&fixture->health, fixture->root);
}

static void tear_down(struct fixture *fixture, const void *data)
{
    disk_health_clear(&fixture->health);
    g_free(fixture->root);
    bundle_tear_down(&fixture->base, data);
}

static void block(struct fixture *fixture)
{
    g_assert_true(g_file_set_contents(fixture->root, "", 0, NULL));
}

static void unblock(struct fixture *fixture)
{
    g_assert_cmpint(g_unlink(fixture->root), ==, 0);
}

static struct run_files *new_files(struct fixture *fixture, const char *run_id)
{
    struct run_files *files = run_files_new(&fixture->health, fixture->root, "demo", run_id);
    g_autofree char *line = bundle_line(1);
    ledger_file_add(&files->ledger, line);
    files->manifest = g_strdup("{\"status\":\"running\"}");
    return files;
}

static void end(struct run_files *files)
{
    files->facts = json_object_new();
    json_object_set_string_member(files->facts, "runId", files->run_id);
    json_object_set_string_member(files->facts, "status", "closing");
}

static void assert_written(const struct fixture *fixture, const char *run_id)
{
    struct bundle_fixture runs = {fixture->root};
    g_autofree char *expected = bundle_lines(1, 1);
    g_autofree char *ledger = bundle_read(&runs, run_id, RUN_LEDGER);
    g_assert_cmpstr(ledger, ==, expected);
    bundle_assert_member(&runs, run_id, "status", "running");
}

static void test_written_and_sealed(struct fixture *fixture, const void *data)
{
    struct bundle_fixture runs = {fixture->root};
    struct run_files *files = new_files(fixture, TEST_RUN);
    run_files_write(files);
    assert_written(fixture, TEST_RUN);
    g_assert_null(files->manifest);
    end(files);
    files->n_refused = 7;
    g_assert_true(run_files_seal(files, NULL));
    bundle_assert_files(&runs, TEST_RUN, RUN_LEDGER);
    g_autoptr(JsonObject) manifest = bundle_manifest(&runs, TEST_RUN);
    g_assert_cmpint(json_object_get_int_member(manifest, "ledgerLinesLost"), ==, 7);
    g_assert_false(disk_health_is_stuck(&fixture->health));
    run_files_free(files);
    run_files_free(NULL);
}

/* What the disk refused is there when it no longer does. */
static void test_refused_then_written(struct fixture *fixture, const void *data)
{
    struct run_files *files = new_files(fixture, TEST_RUN);
    block(fixture);
    run_files_write(files);
    run_files_write(files);
    g_assert_true(disk_health_is_stuck(&fixture->health));
    unblock(fixture);
    run_files_write(files);
    g_assert_false(disk_health_is_stuck(&fixture->health));
    assert_written(fixture, TEST_RUN);
    run_files_free(files);
}

/* The end comes while nothing can be written. */
static void test_sealed_late(struct fixture *fixture, const void *data)
{
    struct bundle_fixture runs = {fixture->root};
    struct run_files *files = new_files(fixture, TEST_RUN);
    block(fixture);
    end(files);
    g_assert_false(run_files_seal(files, NULL));
    g_assert_true(disk_health_is_stuck(&fixture->health));
    unblock(fixture);
    g_assert_true(run_files_seal(files, NULL));
    bundle_assert_member(&runs, TEST_RUN, "status", "complete");
    run_files_free(files);
    g_assert_false(disk_health_is_stuck(&fixture->health));
}

/* The disk counts as refusing until the last of them is through, and is said once for all. */
static void test_said_once_for_all(struct fixture *fixture, const void *data)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("*demo*run bundles cannot be written*written to*again*");
        g_test_trap_assert_stderr_unmatched("*cannot be*cannot be*");
        g_test_trap_assert_stderr_unmatched("*again*again*");
        return;
    }
    struct run_files *first = new_files(fixture, TEST_RUN);
    struct run_files *second = new_files(fixture, "20260103T030405.678Z-4f9a1c2e");
    block(fixture);
    for (int i = 0; i < 3; i++) {
        run_files_write(first);
        run_files_write(second);
    }
    unblock(fixture);
    run_files_write(first);
    g_assert_true(disk_health_is_stuck(&fixture->health));
    run_files_write(second);
    g_assert_false(disk_health_is_stuck(&fixture->health));
    run_files_free(first);
    run_files_free(second);
}

/* Who is in a hurry leaves the bundle to the next start and complains of nothing. */
static void test_a_hurry_is_no_refusal(struct fixture *fixture, const void *data)
{
    static const int hurry = 1;
    struct run_files *files = new_files(fixture, TEST_RUN);
    end(files);
    g_assert_false(run_files_seal(files, &hurry));
    g_assert_false(disk_health_is_stuck(&fixture->health));
    run_files_free(files);
}

#define ADD(name, function) g_test_add("/run-files/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("written-and-sealed", test_written_and_sealed);
    ADD("refused-then-written", test_refused_then_written);
    ADD("sealed-late", test_sealed_late);
    ADD("said-once-for-all", test_said_once_for_all);
    ADD("a-hurry-is-no-refusal", test_a_hurry_is_no_refusal);
    return g_test_run();
}
