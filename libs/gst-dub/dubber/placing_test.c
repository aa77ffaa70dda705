/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "placing.h"

#define LAG 1000
#define HORIZON 100

struct outcomes {
    unsigned n;
    struct {
        uint64_t id;
        enum dub_placing_outcome outcome;
        int64_t start;
    } list[16];
};

static void on_outcome(uint64_t id, enum dub_placing_outcome outcome, int64_t start, void *user)
{
    struct outcomes *outcomes = user;
    outcomes->list[outcomes->n].id = id;
    outcomes->list[outcomes->n].outcome = outcome;
    outcomes->list[outcomes->n++].start = start;
}

struct fixture {
    struct dub_placing placing;
    struct outcomes outcomes;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    struct dub_placing_events events = {.on_outcome = on_outcome, .user = &f->outcomes};
    dub_placing_init(&f->placing, LAG, &events);
    f->outcomes.n = 0;
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    dub_placing_clear(&f->placing);
}

static void assert_outcome(const struct fixture *f, unsigned i, uint64_t id, enum dub_placing_outcome outcome,
                           int64_t start)
{
    g_assert_cmpuint(f->outcomes.n, >, i);
    g_assert_cmpuint(f->outcomes.list[i].id, ==, id);
    g_assert_cmpint(f->outcomes.list[i].outcome, ==, outcome);
    g_assert_cmpint(f->outcomes.list[i].start, ==, start);
}

static void advance(struct fixture *f, int64_t from, int64_t to)
{
    for (int64_t position = from; position <= to; position += 10)
        dub_placing_advance(&f->placing, position, HORIZON);
}

static void test_in_time_is_at_its_source(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 5000, 7000);
    g_assert_cmpint(dub_placing_first_missing(&f->placing), ==, 5000);
    g_assert_true(dub_placing_clip(&f->placing, 1, 1500));
    g_assert_cmpint(dub_placing_first_missing(&f->placing), ==, INT64_MAX);
    advance(f, 0, 4890);
    g_assert_cmpuint(f->outcomes.n, ==, 0);
    advance(f, 4900, 4900);
    assert_outcome(f, 0, 1, DUB_PLACING_PLACED, 5000);
    g_assert_true(dub_placing_is_idle(&f->placing));
}

static void test_late_answer_starts_at_once(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 5000, 7000);
    advance(f, 0, 5600);
    dub_placing_clip(&f->placing, 1, 1500);
    advance(f, 5610, 5610);
    assert_outcome(f, 0, 1, DUB_PLACING_PLACED, 5610);
}

static void test_latest_moment_is_exact(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 5000, 7000);
    advance(f, 0, 5990);
    dub_placing_clip(&f->placing, 1, 1500);
    advance(f, 6000, 6000);
    assert_outcome(f, 0, 1, DUB_PLACING_PLACED, 6000);
    dub_placing_add(&f->placing, 2, 8000, 9000);
    advance(f, 6010, 9010);
    assert_outcome(f, 1, 2, DUB_PLACING_NOT_IN_TIME, 0);
    g_assert_false(dub_placing_clip(&f->placing, 2, 100));
}

static void test_waits_for_the_end_of_the_clip_before(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 1000, 2000);
    dub_placing_add(&f->placing, 2, 2100, 3000);
    dub_placing_clip(&f->placing, 1, 1700);
    dub_placing_clip(&f->placing, 2, 500);
    advance(f, 0, 3000);
    assert_outcome(f, 0, 1, DUB_PLACING_PLACED, 1000);
    assert_outcome(f, 1, 2, DUB_PLACING_PLACED, 2700);
}

static void test_lag_is_bounded(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 1000, 2000);
    dub_placing_add(&f->placing, 2, 2100, 3000);
    dub_placing_add(&f->placing, 3, 3200, 4000);
    dub_placing_clip(&f->placing, 1, 2200);
    dub_placing_clip(&f->placing, 2, 500);
    dub_placing_clip(&f->placing, 3, 500);
    advance(f, 0, 4000);
    assert_outcome(f, 0, 1, DUB_PLACING_PLACED, 1000);
    assert_outcome(f, 1, 2, DUB_PLACING_LAG_BOUND, 0);
    assert_outcome(f, 2, 3, DUB_PLACING_PLACED, 3200);
}

static void test_missing_one_is_overtaken_only_when_due(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 1000, 1400);
    dub_placing_add(&f->placing, 2, 1500, 1900);
    dub_placing_clip(&f->placing, 2, 300);
    advance(f, 0, 1490);
    g_assert_cmpuint(f->outcomes.n, ==, 0);
    advance(f, 1500, 1500);
    assert_outcome(f, 0, 2, DUB_PLACING_PLACED, 1500);
    assert_outcome(f, 1, 1, DUB_PLACING_OVERTAKEN, 0);
}

static void test_cancelled_one_has_no_outcome(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 1000, 1400);
    g_assert_true(dub_placing_cancel(&f->placing, 1));
    g_assert_false(dub_placing_cancel(&f->placing, 1));
    g_assert_true(dub_placing_is_idle(&f->placing));
    advance(f, 0, 3000);
    g_assert_cmpuint(f->outcomes.n, ==, 0);
}

static void test_end_gives_up_the_missing_only(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 1000, 1400);
    dub_placing_add(&f->placing, 2, 1500, 1900);
    dub_placing_clip(&f->placing, 2, 300);
    dub_placing_give_up_missing(&f->placing);
    assert_outcome(f, 0, 1, DUB_PLACING_NOT_IN_TIME, 0);
    g_assert_cmpuint(f->outcomes.n, ==, 1);
    g_assert_false(dub_placing_is_idle(&f->placing));
    dub_placing_reset(&f->placing);
    g_assert_true(dub_placing_is_idle(&f->placing));
}

static void test_slot_borrows_the_pause_and_some_lag(struct fixture *f, gconstpointer data)
{
    g_assert_cmpint(dub_placing_slot(&f->placing, 1000, 2000, 300), ==, 1000 + 300 + LAG / 2);
    dub_placing_add(&f->placing, 1, 1000, 2000);
    /* A clip that will be 200 behind has 200 less to spend; one far behind has nothing. */
    dub_placing_clip(&f->placing, 1, 1500);
    g_assert_cmpint(dub_placing_slot(&f->placing, 2300, 3000, 100), ==, 700 + 100 + LAG / 2 - 200);
    g_assert_cmpint(dub_placing_slot(&f->placing, 2000, 3000, 100), ==, 1000 + 100);
    dub_placing_add(&f->placing, 2, 2300, 3000);
    g_assert_cmpint(dub_placing_slot(&f->placing, 3100, 4000, 0), ==, 900 + LAG / 2 - 100);
}

static void test_room_leaves_the_next_one_within_its_bound(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 1000, 2000);
    /* Nothing follows; something may follow; something does. */
    g_assert_cmpint(dub_placing_room(&f->placing, 1, 0, INT64_MAX), ==, INT64_MAX);
    g_assert_cmpint(dub_placing_room(&f->placing, 1, 0, 2500), ==, 2500 + LAG - 1000);
    dub_placing_add(&f->placing, 2, 2100, 3000);
    g_assert_cmpint(dub_placing_room(&f->placing, 1, 0, 9000), ==, 2100 + LAG - 1000);
    /* It can only start now. */
    g_assert_cmpint(dub_placing_room(&f->placing, 1, 1400, 9000), ==, 2100 + LAG - 1400);
    /* The one before it is in the way: first by its source, then by its clip. */
    dub_placing_add(&f->placing, 3, 3100, 4000);
    g_assert_cmpint(dub_placing_room(&f->placing, 2, 1900, 9000), ==, 3100 + LAG - 2100);
    dub_placing_clip(&f->placing, 1, 1500);
    g_assert_cmpint(dub_placing_room(&f->placing, 2, 0, 9000), ==, 3100 + LAG - 2500);
    g_assert_cmpint(dub_placing_room(&f->placing, 7, 0, 9000), ==, INT64_MAX);
    g_assert_cmpint(dub_placing_room(&f->placing, 2, 2100 + LAG + 1, 9000), ==, INT64_MAX);
}

static void test_held_clip_waits_for_a_shorter_one(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 1000, 2000);
    dub_placing_clip(&f->placing, 1, 900);
    g_assert_true(dub_placing_hold(&f->placing, 1, 1300));
    g_assert_false(dub_placing_hold(&f->placing, 7, 1300));
    g_assert_cmpint(dub_placing_first_missing(&f->placing), ==, 1000);
    advance(f, 0, 1200);
    g_assert_cmpuint(f->outcomes.n, ==, 0);
    /* It comes, and starts at once. */
    dub_placing_clip(&f->placing, 1, 700);
    g_assert_cmpint(dub_placing_first_missing(&f->placing), ==, INT64_MAX);
    advance(f, 1210, 1210);
    assert_outcome(f, 0, 1, DUB_PLACING_PLACED, 1210);
    g_assert_cmpint(f->placing.busy_until, ==, 1910);
    /* It does not come; nobody overtakes meanwhile. */
    dub_placing_add(&f->placing, 2, 3000, 3300);
    dub_placing_add(&f->placing, 3, 3400, 3700);
    dub_placing_clip(&f->placing, 2, 300);
    dub_placing_clip(&f->placing, 3, 300);
    dub_placing_hold(&f->placing, 2, 3505);
    advance(f, 2000, 3500);
    g_assert_cmpuint(f->outcomes.n, ==, 1);
    advance(f, 3510, 3810);
    assert_outcome(f, 1, 2, DUB_PLACING_PLACED, 3510);
    assert_outcome(f, 2, 3, DUB_PLACING_PLACED, 3810);
}

static void test_no_phrase_is_lost_by_holding(struct fixture *f, gconstpointer data)
{
    dub_placing_add(&f->placing, 1, 1003, 2000);
    dub_placing_clip(&f->placing, 1, 900);
    dub_placing_hold(&f->placing, 1, 1003 + LAG);
    advance(f, 0, 3000);
    assert_outcome(f, 0, 1, DUB_PLACING_PLACED, 1910);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *f, gconstpointer data);
    } tests[] = {
        {"/placing/in-time-is-at-its-source", test_in_time_is_at_its_source},
        {"/placing/late-answer-starts-at-once", test_late_answer_starts_at_once},
        {"/placing/latest-moment-is-exact", test_latest_moment_is_exact},
        {"/placing/waits-for-the-end-of-the-clip-before", test_waits_for_the_end_of_the_clip_before},
        {"/placing/lag-is-bounded", test_lag_is_bounded},
        {"/placing/missing-one-is-overtaken-only-when-due", test_missing_one_is_overtaken_only_when_due},
        {"/placing/cancelled-one-has-no-outcome", test_cancelled_one_has_no_outcome},
        {"/placing/end-gives-up-the-missing-only", test_end_gives_up_the_missing_only},
        {"/placing/room-leaves-the-next-one-within-its-bound",
         test_room_leaves_the_next_one_within_its_bound},
        {"/placing/held-clip-waits-for-a-shorter-one", test_held_clip_waits_for_a_shorter_one},
        {"/placing/no-phrase-is-lost-by-holding", test_no_phrase_is_lost_by_holding},
        {"/placing/slot-borrows-the-pause-and-some-lag", test_slot_borrows_the_pause_and_some_lag},
    };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
