/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange_core_rig.h"

#include <dubbing_ids.h>

static void test_a_fragment_is_dubbed(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 3);
    g_assert_cmpuint(rig.n_inits, ==, 1);
    g_assert_true(rig_stats(&rig).connected);
    rig_submit(&rig, 1);
    g_assert_cmpuint(rig_stats(&rig).inflight, ==, 1);
    rig_pass(&rig, 300 * MS);
    rig_answer(&rig, 0);
    g_assert_true(rig_got_at(&rig, 0)->dubbed);
    g_assert_cmpint(rig_got_at(&rig, 0)->rtt_ms, ==, 300);
    g_assert_cmpstr(rig_got_at(&rig, 0)->fragment_id, ==, rig_sent_at(&rig, 0)->fragment_id);
    g_assert_true(dub_uuid_is_valid(rig_got_at(&rig, 0)->fragment_id));
    g_assert_cmpuint(rig.n_applied, ==, 1);
    g_assert_cmpuint(rig_stats(&rig).rtt_counts[3], ==, 1);
    g_assert_cmpuint(rig_stats(&rig).inflight, ==, 0);
    rig_stop(&rig);
    g_assert_cmpuint(rig.n_ends, ==, 1);
}

static void test_sequence_counts_from_zero_on_each_connection(void)
{
    struct rig rig;
    const struct dub_error loss = {.code = DUB_ERROR_UNAVAILABLE, .retryable = true};
    rig_start(&rig, 5);
    rig_connect_ready(&rig, 5);
    rig_submit(&rig, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpint(rig_sent_at(&rig, i)->sequence, ==, i);
    exchange_core_lost(rig.core, &loss);
    rig_pass(&rig, 2 * S);
    rig_connect_ready(&rig, 5);
    rig_submit(&rig, 1);
    g_assert_cmpint(rig_sent_at(&rig, 3)->sequence, ==, 0);
    g_assert_cmpuint(rig.n_inits, ==, 2);
    g_assert_cmpuint(rig_stats(&rig).reconnects, ==, 1);
    rig_stop(&rig);
}

static void test_reconnects_after_2_4_8_16_32_s_and_every_32_s(void)
{
    static const int64_t waits_s[] = {2, 4, 8, 16, 32, 32, 32, 32};
    const struct dub_error loss = {.code = DUB_ERROR_UNAVAILABLE, .retryable = true};
    struct rig rig;
    rig_start(&rig, 3);
    for (guint i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        g_assert_cmpuint(rig.n_connects, ==, i + 1);
        exchange_core_lost(rig.core, &loss);
        rig_pass(&rig, waits_s[i] * S - 1);
        g_assert_cmpuint(rig.n_connects, ==, i + 1);
        rig_pass(&rig, 1);
    }
    rig_connect_ready(&rig, 3);
    rig_submit(&rig, 1);
    rig_answer(&rig, 0);
    exchange_core_lost(rig.core, &loss);
    rig_pass(&rig, 2 * S);
    g_assert_cmpuint(rig.n_connects, ==, G_N_ELEMENTS(waits_s) + 2);
    rig_stop(&rig);
}

static void test_a_service_that_only_greets_is_called_less_and_less(void)
{
    static const int64_t waits_s[] = {2, 4, 8, 16, 32, 32};
    const struct dub_error eviction = {.code = DUB_ERROR_UNAVAILABLE, .retryable = true};
    struct rig rig;
    rig_start(&rig, 3);
    for (guint i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        rig_connect_ready(&rig, 3);
        rig_submit(&rig, 1);
        exchange_core_lost(rig.core, &eviction);
        rig_pass(&rig, waits_s[i] * S - 1);
        g_assert_cmpuint(rig.n_connects, ==, i + 1);
        rig_pass(&rig, 1);
        g_assert_cmpuint(rig.n_connects, ==, i + 2);
    }
    rig_stop(&rig);
}

static void test_loss_hands_back_what_is_in_flight_and_queued(void)
{
    struct rig rig;
    struct dub_error loss = {0};
    dub_error_set(&loss, DUB_ERROR_UNAVAILABLE, "gone");
    rig_start(&rig, 2);
    rig_connect_ready(&rig, 2);
    rig_submit(&rig, 4);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    exchange_core_lost(rig.core, &loss);
    exchange_core_lost(rig.core, &loss);
    g_assert_cmpuint(rig.got->len, ==, 4);
    for (guint i = 0; i < 4; i++)
        g_assert_cmpint(rig_got_at(&rig, i)->error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_cmpstr(rig_got_at(&rig, 3)->fragment_id, ==, "");
    rig_submit(&rig, 1);
    g_assert_cmpstr(rig_got_at(&rig, 4)->error.message, ==, "gone");
    g_assert_cmpint(rig_stats(&rig).breaker, ==, DUB_BREAKER_CLOSED);
    rig_stop(&rig);
}

static void test_fragments_wait_for_an_attempt_under_way(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_submit(&rig, 1);
    rig_submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 1 * S);
    g_assert_cmpuint(rig.got->len, ==, 0);
    rig_pass(&rig, 1 * S);
    g_assert_cmpuint(rig.got->len, ==, 1);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_UNAVAILABLE);
    rig_connect_ready(&rig, 3);
    g_assert_cmpuint(rig.sent->len, ==, 1);
    rig_stop(&rig);
}

static void test_nothing_is_sent_before_ready(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_submit(&rig, 1);
    exchange_core_connected(rig.core);
    exchange_core_run(rig.core);
    g_assert_cmpuint(rig.sent->len, ==, 0);
    g_assert_false(rig_stats(&rig).connected);
    rig_say_ready(&rig, 3);
    g_assert_cmpuint(rig.sent->len, ==, 1);
    rig_stop(&rig);
}

static void test_service_that_never_says_ready_is_left(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    exchange_core_connected(rig.core);
    rig_submit(&rig, 1);
    rig_pass(&rig, 10 * S);
    g_assert_cmpuint(rig.n_disconnects, ==, 1);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_UNAVAILABLE);
    rig_pass(&rig, 2 * S);
    g_assert_cmpuint(rig.n_connects, ==, 2);
    rig_stop(&rig);
}

static void test_limits_of_both_sides_hold(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 2);
    rig_submit(&rig, 5);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    rig_answer(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    rig_stop(&rig);
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 10);
    rig_submit(&rig, 5);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    rig_stop(&rig);
}

static void test_timeout_and_the_late_answer(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 3);
    rig_submit(&rig, 1);
    rig_pass(&rig, 8 * S - 1);
    g_assert_cmpuint(rig.got->len, ==, 0);
    rig_pass(&rig, 1);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_TIMEOUT);
    rig_pass(&rig, 1 * S);
    rig_answer(&rig, 0);
    rig_answer(&rig, 0);
    g_assert_cmpuint(rig.got->len, ==, 1);
    g_assert_cmpuint(rig_stats(&rig).late_answers, ==, 1);
    g_assert_cmpuint(rig_stats(&rig).ignored_answers, ==, 1);
    g_assert_cmpuint(rig_stats(&rig).rtt_counts[8], ==, 1);
    rig_stop(&rig);
}

static void test_the_engines_used_last_are_known(void)
{
    struct rig rig;
    g_autofree char *long_name = g_strnfill(DUB_EXCHANGE_ENGINE_BYTES, 'x');
    long_name[DUB_EXCHANGE_ENGINE_BYTES - 2] = '\xc3';
    long_name[DUB_EXCHANGE_ENGINE_BYTES - 1] = '\xa9';
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 3);
    g_assert_cmpstr(rig_stats(&rig).engines.asr, ==, "");
    rig_submit(&rig, 2);
    struct dub_fragment_processed first = rig_success_for(rig_sent_at(&rig, 0));
    first.metadata.asr_model = (char *)"whisper small";
    first.metadata.tts_model = (char *)"espeak-ng";
    rig_say_processed(&rig, &first);
    struct dub_fragment_processed second = rig_success_for(rig_sent_at(&rig, 1));
    second.metadata.tts_model = long_name;
    rig_say_processed(&rig, &second);
    struct dub_exchange_engines engines = rig_stats(&rig).engines;
    g_assert_cmpstr(engines.asr, ==, "whisper small");
    g_assert_cmpstr(engines.translation, ==, "");
    g_assert_cmpuint(strlen(engines.tts), ==, DUB_EXCHANGE_ENGINE_BYTES - 2);
    rig_stop(&rig);
}

static void test_deadline_comes_before_the_timeout(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    rig_connect_ready(&rig, 3);
    rig_submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 3 * S);
    rig_submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 2 * S);
    rig_pass(&rig, 2 * S);
    g_assert_cmpuint(rig_got_at(&rig, 0)->id, ==, 1);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpstr(rig_got_at(&rig, 0)->fragment_id, ==, "");
    rig_pass(&rig, 1 * S);
    g_assert_cmpuint(rig_got_at(&rig, 1)->id, ==, 0);
    g_assert_cmpint(rig_got_at(&rig, 1)->error.code, ==, DUB_ERROR_TIMEOUT);
    rig_stop(&rig);
}

/* The service was told of the timeout only: until then it may be at work on what we gave up earlier. */
static void test_given_up_stays_outstanding_until_answered(void)
{
    struct rig rig;
    rig_start(&rig, 2);
    rig_connect_ready(&rig, 3);
    int64_t now_ns = dub_clock_now_ns(&rig.fake.clock);
    rig_submit_until(&rig, now_ns + 3 * S);
    rig_submit_until(&rig, now_ns + 3 * S);
    rig_pass(&rig, 3 * S);
    g_assert_cmpuint(rig.got->len, ==, 2);
    g_assert_cmpuint(rig_stats(&rig).inflight, ==, 2);
    rig_submit(&rig, 2);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    rig_answer(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    rig_pass(&rig, 5 * S - 1);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    rig_pass(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 4);
    g_assert_cmpuint(rig_stats(&rig).inflight, ==, 2);
    rig_stop(&rig);
}

static void test_nothing_is_outstanding_on_a_new_connection(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    rig_connect_ready(&rig, 1);
    rig_submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 1 * S);
    rig_pass(&rig, 1 * S);
    const struct dub_error loss = {.code = DUB_ERROR_UNAVAILABLE, .retryable = true};
    exchange_core_lost(rig.core, &loss);
    exchange_core_run(rig.core);
    rig_pass(&rig, 2 * S);
    rig_connect_ready(&rig, 1);
    g_assert_cmpuint(rig_stats(&rig).inflight, ==, 0);
    rig_submit(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    rig_stop(&rig);
}

static void test_close_cancels_everything_once(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    rig_connect_ready(&rig, 1);
    rig_submit(&rig, 3);
    exchange_core_close(rig.core);
    g_assert_cmpuint(rig.got->len, ==, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpint(rig_got_at(&rig, i)->error.code, ==, DUB_ERROR_CANCELLED);
    g_assert_cmpint(exchange_core_wake_ns(rig.core), ==, INT64_MAX);
    exchange_core_run(rig.core);
    rig_stop(&rig);
    g_assert_cmpuint(rig.n_ends, ==, 1);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"a-fragment-is-dubbed", test_a_fragment_is_dubbed},
        {"sequence-counts-from-zero-on-each-connection", test_sequence_counts_from_zero_on_each_connection},
        {"reconnects-after-2-4-8-16-32-s-and-every-32-s", test_reconnects_after_2_4_8_16_32_s_and_every_32_s},
        {"a-service-that-only-greets-is-called-less-and-less",
         test_a_service_that_only_greets_is_called_less_and_less},
        {"loss-hands-back-what-is-in-flight-and-queued", test_loss_hands_back_what_is_in_flight_and_queued},
        {"fragments-wait-for-an-attempt-under-way", test_fragments_wait_for_an_attempt_under_way},
        {"nothing-is-sent-before-ready", test_nothing_is_sent_before_ready},
        {"service-that-never-says-ready-is-left", test_service_that_never_says_ready_is_left},
        {"limits-of-both-sides-hold", test_limits_of_both_sides_hold},
        {"timeout-and-the-late-answer", test_timeout_and_the_late_answer},
        {"the-engines-used-last-are-known", test_the_engines_used_last_are_known},
        {"deadline-comes-before-the-timeout", test_deadline_comes_before_the_timeout},
        {"given-up-stays-outstanding-until-answered", test_given_up_stays_outstanding_until_answered},
        {"nothing-is-outstanding-on-a-new-connection", test_nothing_is_outstanding_on_a_new_connection},
        {"close-cancels-everything-once", test_close_cancels_everything_once},
    };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/exchange-core/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
