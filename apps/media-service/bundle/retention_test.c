/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retention.h"

#include "bundle_test_support.h"
#include "ledger_file.h"
#include "run_folder.h"

#define NOW_MS INT64_C(1800000000000)
#define HOUR_MS INT64_C(3600000)
#define MANY 3000

static char *name_of(unsigned number)
{
    return g_strdup_printf("20260101T%06u.678Z-4f9a1c2e", number);
}

static void touch(const char *path, int64_t age_ms)
{
    time_t at = (time_t)((NOW_MS - age_ms) / 1000);
    g_assert_cmpint(utime(path, &(struct utimbuf){at, at}), ==, 0);
}

/* 10000 bytes in a file of a run. */
static void put_aged(struct bundle_fixture *fixture, const char *run_id, const char *name, int64_t age_ms)
{
    g_autofree char *content = g_strnfill(10000, 'x');
    g_autofree char *path = bundle_path(fixture, run_id, name);
    bundle_put(fixture, run_id, name, content, 10000);
    touch(path, age_ms);
}

static void make_run(struct bundle_fixture *fixture, unsigned number, int64_t age_ms)
{
    g_autofree char *name = name_of(number);
    put_aged(fixture, name, "audio/a.wav", age_ms);
}

static bool is_there(struct bundle_fixture *fixture, unsigned number)
{
    g_autofree char *name = name_of(number);
    return bundle_has(fixture, name, "");
}

static bool is_kept(const char *run_id, void *user)
{
    g_autofree char *kept = user != NULL ? name_of(*(const unsigned *)user) : NULL;
    return g_strcmp0(run_id, kept) == 0;
}

/* keep 0: none runs. */
static unsigned clean_again(struct retention_index *index, int64_t max_age_ms, int64_t max_bytes,
                            unsigned keep)
{
    return retention_clean(index, &(struct retention){max_age_ms, max_bytes}, NOW_MS, is_kept,
                           keep > 0 ? &keep : NULL);
}

static unsigned clean(struct bundle_fixture *fixture, int64_t max_age_ms, int64_t max_bytes, unsigned keep)
{
    struct retention_index *index = retention_index_new(fixture->root);
    unsigned n_removed = clean_again(index, max_age_ms, max_bytes, keep);
    retention_index_free(index);
    return n_removed;
}

static void test_old_runs_go(struct bundle_fixture *fixture, const void *data)
{
    make_run(fixture, 1, 3 * HOUR_MS);
    make_run(fixture, 2, HOUR_MS);
    g_autofree char *kept = name_of(3);
    put_aged(fixture, kept, RUN_LEDGER, 3 * HOUR_MS);
    g_assert_cmpuint(clean(fixture, 2 * HOUR_MS, 0, 3), ==, 1);
    g_assert_false(is_there(fixture, 1));
    g_assert_true(is_there(fixture, 2));
    g_assert_true(is_there(fixture, 3));
}

static void test_the_oldest_make_room(struct bundle_fixture *fixture, const void *data)
{
    for (unsigned i = 1; i <= 5; i++)
        make_run(fixture, i, HOUR_MS);
    g_assert_cmpuint(clean(fixture, 0, 0, 0), ==, 0);
    g_assert_cmpuint(clean(fixture, 0, 50000, 0), ==, 0);
    g_assert_cmpuint(clean(fixture, 0, 35000, 0), ==, 2);
    for (unsigned i = 1; i <= 5; i++)
        g_assert_true(is_there(fixture, i) == (i > 2));
}

/* The run that lasts longest may be the oldest of all: the others go. */
static void test_a_running_one_stays(struct bundle_fixture *fixture, const void *data)
{
    g_autofree char *running = name_of(1);
    put_aged(fixture, running, RUN_LEDGER, HOUR_MS);
    make_run(fixture, 2, HOUR_MS);
    make_run(fixture, 3, HOUR_MS);
    g_assert_cmpuint(clean(fixture, HOUR_MS / 2, 1, 1), ==, 2);
    g_assert_true(bundle_has(fixture, running, RUN_LEDGER));
}

/* One that another media-service has open. */
static void test_one_in_use_stays(struct bundle_fixture *fixture, const void *data)
{
    struct ledger_file ledger;
    g_autofree char *name = name_of(1);
    g_autofree char *path = bundle_path(fixture, name, RUN_LEDGER);
    make_run(fixture, 1, 3 * HOUR_MS);
    ledger_file_init(&ledger, path);
    g_assert_true(ledger_file_flush(&ledger, NULL));
    touch(path, 3 * HOUR_MS);
    g_assert_cmpuint(clean(fixture, HOUR_MS, 1, 0), ==, 0);
    g_assert_true(is_there(fixture, 1));
    ledger_file_clear(&ledger);
    g_assert_cmpuint(clean(fixture, HOUR_MS, 1, 0), ==, 1);
}

/* A stream of days must not fill the disk: of its audio the oldest goes, the rest of the bundle stays. */
static void test_audio_of_a_running_one_makes_room(struct bundle_fixture *fixture, const void *data)
{
    g_autofree char *running = name_of(2);
    make_run(fixture, 1, HOUR_MS);
    put_aged(fixture, running, RUN_LEDGER, HOUR_MS);
    put_aged(fixture, running, "audio/1.wav", 4 * HOUR_MS);
    put_aged(fixture, running, "audio/2.wav", 3 * HOUR_MS);
    put_aged(fixture, running, "audio/3.wav", 2 * HOUR_MS);
    g_assert_cmpuint(clean(fixture, 0, 30000, 2), ==, 1);
    g_assert_false(bundle_has(fixture, running, "audio/1.wav"));
    g_assert_true(bundle_has(fixture, running, "audio/2.wav"));
    clean(fixture, 5 * HOUR_MS / 2, 0, 2);
    g_assert_false(bundle_has(fixture, running, "audio/2.wav"));
    clean(fixture, 0, 1, 2);
    g_assert_false(bundle_has(fixture, running, "audio/3.wav"));
    g_assert_true(bundle_has(fixture, running, RUN_LEDGER));
}

static void test_other_things_are_left_alone(struct bundle_fixture *fixture, const void *data)
{
    static const char *const names[] = {"notes", "20260101T030405.678Z-4f9a1c2",
                                        "2026x101T030405.678Z-4f9a1c2e", NULL};
    g_autofree char *link = g_build_filename(fixture->root, "20260101T030405.678Z-4f9a1c2e", NULL);
    for (unsigned i = 0; names[i] != NULL; i++)
        put_aged(fixture, names[i], "a.wav", 100 * HOUR_MS);
    g_assert_cmpint(symlink(fixture->root, link), ==, 0);
    g_assert_cmpuint(clean(fixture, HOUR_MS, 1, 0), ==, 0);
    for (unsigned i = 0; names[i] != NULL; i++)
        g_assert_true(bundle_has(fixture, names[i], "a.wav"));
    struct retention_index *index = retention_index_new("/nonexistent");
    g_assert_cmpuint(clean_again(index, 1, 1, 0), ==, 0);
    retention_index_free(index);
    retention_index_free(NULL);
}

/* What a link in a bundle points at is not the bundle's. */
static void test_links_are_not_followed(struct bundle_fixture *fixture, const void *data)
{
    g_autofree char *name = name_of(1);
    g_autofree char *link = bundle_path(fixture, name, "link");
    put_aged(fixture, "elsewhere", "a.wav", 3 * HOUR_MS);
    make_run(fixture, 1, 3 * HOUR_MS);
    g_assert_cmpint(symlink("../elsewhere", link), ==, 0);
    g_assert_cmpuint(clean(fixture, HOUR_MS, 0, 0), ==, 1);
    g_assert_false(is_there(fixture, 1));
    g_assert_true(bundle_has(fixture, "elsewhere", "a.wav"));
}

static void test_what_somebody_else_removed_is_forgotten(struct bundle_fixture *fixture, const void *data)
{
    struct retention_index *index = retention_index_new(fixture->root);
    g_autofree char *first = bundle_path(fixture, "20260101T000001.678Z-4f9a1c2e", "");
    for (unsigned i = 1; i <= 3; i++)
        make_run(fixture, i, HOUR_MS);
    g_assert_cmpuint(clean_again(index, 0, 30000, 0), ==, 0);
    bundle_remove_tree(first);
    make_run(fixture, 4, HOUR_MS);
    g_assert_cmpuint(clean_again(index, 0, 30000, 0), ==, 0);
    g_assert_cmpuint(clean_again(index, 0, 20000, 0), ==, 1);
    retention_index_free(index);
}

/* Thousands of runs come and go through the bound, cleaned up again and again: never above it afterwards,
 * never one removed that need not be. */
static void test_thousands_of_runs(struct bundle_fixture *fixture, const void *data)
{
    struct retention_index *index = retention_index_new(fixture->root);
    unsigned n_removed = 0;
    for (unsigned i = 1; i <= MANY; i++) {
        g_autofree char *name = name_of(i);
        bundle_put(fixture, name, RUN_LEDGER, "0123456789", 10);
        if (i % 100 == 0)
            n_removed += clean_again(index, 0, 5000, 1);
    }
    g_autoptr(GPtrArray) left = run_folder_list(fixture->root);
    g_autofree char *oldest = name_of(1), *next = name_of(MANY - 499 + 1);
    g_assert_cmpuint(n_removed, ==, MANY - 500);
    g_assert_cmpuint(left->len, ==, 500);
    g_assert_cmpstr(left->pdata[0], ==, oldest);
    g_assert_cmpstr(left->pdata[1], ==, next);
    retention_index_free(index);
}

#define ADD(name, function)                                                                                  \
    g_test_add("/retention/" name, struct bundle_fixture, NULL, bundle_set_up, function, bundle_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("old-runs-go", test_old_runs_go);
    ADD("the-oldest-make-room", test_the_oldest_make_room);
    ADD("a-running-one-stays", test_a_running_one_stays);
    ADD("one-in-use-stays", test_one_in_use_stays);
    ADD("audio-of-a-running-one-makes-room", test_audio_of_a_running_one_makes_room);
    ADD("other-things-are-left-alone", test_other_things_are_left_alone);
    ADD("links-are-not-followed", test_links_are_not_followed);
    ADD("what-somebody-else-removed-is-forgotten", test_what_somebody_else_removed_is_forgotten);
    ADD("thousands-of-runs", test_thousands_of_runs);
    return g_test_run();
}
