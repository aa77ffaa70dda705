/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input timeline against publishers made of chance. A failure prints the seed; DUB_TEST_SEED runs that
 * one alone, DUB_TEST_SCHEDULES says how many. */
#include "feeder_rig.h"

#include <dubbing_log.h>

#define SCHEDULES 10
#define SCHEDULE_NS (600 * DUB_NS_PER_S)

static void run(struct feeder_rig *rig, int64_t duration_ns)
{
    while (feeder_rig_now(rig) < FEEDER_RIG_START + duration_ns) {
        struct publisher_packet packet;
        feeder_rig_plan(rig, &packet);
        feeder_rig_arrive(rig, &packet);
    }
    RIG_CHECK(rig, rig->n_judged > 1000);
}

static void run_schedule(guint32 seed, unsigned troubles)
{
    struct feeder_rig *rig = g_new(struct feeder_rig, 1);

    feeder_rig_init(rig, seed, troubles);
    run(rig, SCHEDULE_NS);
    feeder_rig_clear(rig);
    g_free(rig);
}

static void run_schedules(unsigned troubles)
{
    const char *only = g_getenv("DUB_TEST_SEED"), *count = g_getenv("DUB_TEST_SCHEDULES");
    guint32 n = count ? (guint32)g_ascii_strtoull(count, NULL, 10) : SCHEDULES;

    if (only) {
        run_schedule((guint32)g_ascii_strtoull(only, NULL, 10), troubles);
        return;
    }
    for (guint32 seed = 1; seed <= n; seed++)
        run_schedule(seed, troubles);
}

static void test_harmless(void)
{
    run_schedules(HARMLESS_TROUBLES);
}

static void test_each(gconstpointer data)
{
    run_schedules(TROUBLE_BIT(GPOINTER_TO_UINT(data)));
}

static void test_all(void)
{
    run_schedules(ALL_TROUBLES);
}

/* 2000 s bring a clock that is 500 ppm faster than the slew to the bound and beyond. */
static void test_clock_that_outruns_the_slew(void)
{
    static const int64_t ppm[] = {-1000, -700, -550, 550, 700, 1000};

    for (guint32 i = 0; i < G_N_ELEMENTS(ppm); i++) {
        struct feeder_rig *rig = g_new(struct feeder_rig, 1);
        feeder_rig_init(rig, i + 1, 0);
        rig->publisher.traits.ppm = ppm[i];
        rig->outruns_slew = true;
        run(rig, 2500 * DUB_NS_PER_S);
        feeder_rig_clear(rig);
        g_free(rig);
    }
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    dub_log_init(&(struct dub_log_config){.component = "test", .level = "error"});
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/feeder-random/harmless-troubles-move-nothing", test_harmless);
    for (unsigned i = 0; i < TROUBLE_COUNT; i++) {
        g_autofree char *path =
            g_strdup_printf("/feeder-random/%s", g_strdelimit(g_strdup(trouble_name(i)), " ", '-'));
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_each);
    }
    g_test_add_func("/feeder-random/all-troubles", test_all);
    g_test_add_func("/feeder-random/clock-that-outruns-the-slew", test_clock_that_outruns_the_slew);
    return g_test_run();
}
