/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session's rules with a processor that answers when told to, and a fake clock. */
#include "session.h"

#include "../tests/session_stand.h"

#include <dubbing_json.h>
#include <string.h>

static void test_ready(void)
{
    struct stand stand;
    stand_open(&stand, 4);
    stand_expect_last(&stand, "stream:ready", "\"max_inflight\":4");
    g_assert_cmpfloat(dub_metric_get(stand.metrics.sessions, NULL), ==, 1);
    g_assert_cmpstr(session_stream_id(stand.session), ==, "news");
    stand_expect_last(&stand, "stream:ready", session_id(stand.session));
    stand_close(&stand);
    session_free(NULL);
}

static void test_order_whatever_finishes_first(void)
{
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};
    for (guint o = 0; o < G_N_ELEMENTS(orders); o++) {
        struct stand stand;
        stand_open(&stand, 10);
        for (int i = 0; i < 4; i++)
            stand_send(&stand, i);
        for (int i = 0; i < 4; i++)
            stand_answer(&stand, orders[o][i]);
        unsigned n = 0;
        for (guint i = 0; i < stand.events->len; i++) {
            if (!g_str_has_prefix(stand.events->pdata[i], "fragment:processed "))
                continue;
            g_autofree char *expected = g_strdup_printf("\"sequence_number\":%u,", n++);
            g_assert_nonnull(strstr(stand.events->pdata[i], expected));
        }
        g_assert_cmpuint(n, ==, 4);
        stand_close(&stand);
    }
}

static void test_failure_takes_its_turn(void)
{
    struct stand stand;
    struct dub_error bad;
    dub_error_set(&bad, DUB_ERROR_INVALID_AUDIO_FORMAT, "audio.format: no");
    stand_open(&stand, 3);
    stand_send(&stand, 0);
    stand_send_as(&stand, 1, 1, &bad);
    g_assert_cmpuint(stand.jobs->len, ==, 1);
    g_assert_cmpuint(stand_count(&stand, "fragment:processed"), ==, 0);
    g_assert_cmpuint(stand_count(&stand, "fragment:ack"), ==, 2);
    stand_send(&stand, 2);
    stand_answer(&stand, 0);
    g_assert_cmpuint(stand_count(&stand, "fragment:processed"), ==, 2);
    stand_expect_last(&stand, "fragment:processed", "\"status\":\"failed\"");
    stand_expect_last(&stand, "fragment:processed", "INVALID_AUDIO_FORMAT");
    g_assert_null(strstr(stand_last(&stand, "fragment:processed"), "dubbed_audio"));
    stand_answer(&stand, 2);
    stand_close(&stand);
}

/* What has only an address yet. */
static bool admits(struct stand *stand, int nth, int64_t sequence)
{
    g_autofree char *id = stand_id_of(nth);
    const struct dub_fragment_data fragment = {
        .fragment_id = id, .stream_id = (char *)"news", .sequence_number = sequence, .addressed = true};
    return session_admits(stand->session, &fragment);
}

static void test_address_alone_is_admitted_or_refused(void)
{
    struct stand stand;
    stand_open(&stand, 3);
    g_assert_true(admits(&stand, 0, 0));
    g_assert_true(admits(&stand, 0, 0));
    g_assert_cmpuint(stand.events->len, ==, 1);
    g_assert_false(admits(&stand, 0, 1));
    stand_expect_last(&stand, "error", "expected 0, got 1");
    stand_send(&stand, 0);
    g_assert_false(admits(&stand, 0, 1));
    stand_expect_last(&stand, "error", "duplicate");
    g_assert_true(admits(&stand, 1, 1));
    stand_answer(&stand, 0);
    stand_close(&stand);
}

static void test_refusals_use_no_number(void)
{
    struct stand stand;
    stand_open(&stand, 3);
    stand_send(&stand, 1);
    stand_expect_last(&stand, "error", "expected 0, got 1");
    stand.full = true;
    stand_send(&stand, 0);
    stand_expect_last(&stand, "error", "QUEUE_FULL");
    stand_expect_last(&stand, "error", "\"retryable\":true");
    stand.full = false;
    session_pause(stand.session);
    stand_send(&stand, 0);
    stand_expect_last(&stand, "error", "STREAM_PAUSED");
    session_resume(stand.session);
    stand_send(&stand, 0);
    stand_send_as(&stand, 0, 1, NULL);
    stand_expect_last(&stand, "error", "duplicate");
    g_assert_cmpuint(stand_count(&stand, "error"), ==, 4);
    g_assert_cmpuint(stand_count(&stand, "fragment:ack"), ==, 1);
    stand_send(&stand, 1);
    g_assert_cmpuint(stand_count(&stand, "fragment:ack"), ==, 2);
    stand_close(&stand);
}

static void test_same_id_again_after_its_answer(void)
{
    struct stand stand;
    stand_open(&stand, 3);
    stand_send_as(&stand, 9, 0, NULL);
    stand_answer(&stand, 0);
    stand_send_as(&stand, 9, 1, NULL);
    stand_answer(&stand, 1);
    g_assert_cmpuint(stand_count(&stand, "error"), ==, 0);
    g_assert_cmpuint(stand_count(&stand, "fragment:processed"), ==, 2);
    stand_close(&stand);
}

static void simulate(struct stand *stand, enum dub_simulation_trigger trigger, int64_t number,
                     enum dub_error_code code)
{
    dub_error_simulation_clear(&stand->simulation.errors);
    stand->simulation.errors = (struct dub_error_simulation){
        .enabled = true, .rules = g_new0(struct dub_simulation_rule, 1), .n_rules = 1};
    stand->simulation.errors.rules[0].trigger = trigger;
    stand->simulation.errors.rules[0].number = number;
    dub_error_set(&stand->simulation.errors.rules[0].error, code, "simulated");
}

/* Number 0 fails, 1 has left before the second try, 2 and 3 are under way: the second try leaves before them.
 */
static void test_a_retryable_failure_is_processed_again_in_its_place(void)
{
    struct stand stand;
    stand_open(&stand, 5);
    simulate(&stand, DUB_TRIGGER_NTH_FRAGMENT, 1, DUB_ERROR_TIMEOUT);
    stand_send(&stand, 0);
    stand_send(&stand, 1);
    stand_answer(&stand, 0);
    stand_answer(&stand, 1);
    stand_send(&stand, 2);
    stand_send(&stand, 3);
    stand_send(&stand, 0);
    g_assert_cmpuint(stand_count(&stand, "error"), ==, 0);
    g_assert_cmpuint(session_inflight(stand.session), ==, 3);
    stand_answer(&stand, 2);
    stand_answer(&stand, 3);
    g_assert_cmpuint(stand_count(&stand, "fragment:processed"), ==, 2);
    g_ptr_array_set_size(stand.events, 0);
    stand_answer(&stand, 0);
    g_assert_cmpuint(stand_count(&stand, "fragment:processed"), ==, 3);
    g_assert_nonnull(strstr(stand.events->pdata[0], "\"sequence_number\":0,\"status\":\"success\""));
    stand_expect_last(&stand, "fragment:processed", "\"sequence_number\":3");
    stand_send(&stand, 0);
    stand_expect_last(&stand, "error", "expected 4, got 0");
    stand_close(&stand);
}

static void test_no_second_try_after_a_final_failure(void)
{
    struct stand stand;
    stand_open(&stand, 5);
    simulate(&stand, DUB_TRIGGER_SEQUENCE_NUMBER, 0, DUB_ERROR_ASR_FAILED);
    stand_send(&stand, 0);
    stand_answer(&stand, 0);
    stand_send(&stand, 0);
    stand_expect_last(&stand, "error", "INVALID_SEQUENCE");
    stand_close(&stand);
}

/* While the queue is full the second try is refused, and may come once more. */
static void test_a_refused_second_try_may_come_again(void)
{
    struct stand stand;
    stand_open(&stand, 5);
    simulate(&stand, DUB_TRIGGER_NTH_FRAGMENT, 1, DUB_ERROR_GPU_OOM);
    stand_send(&stand, 0);
    stand_answer(&stand, 0);
    stand.full = true;
    stand_send(&stand, 0);
    stand_expect_last(&stand, "error", "QUEUE_FULL");
    stand_expect_last(&stand, "error", "\"severity\":\"error\"");
    stand.full = false;
    stand_send(&stand, 0);
    stand_answer(&stand, 0);
    stand_expect_last(&stand, "fragment:processed", "\"status\":\"success\"");
    stand_send(&stand, 1);
    g_assert_cmpuint(stand_count(&stand, "error"), ==, 1);
    stand_close(&stand);
}

static void test_pressure_is_said_once_per_change(void)
{
    struct stand stand;
    stand_open(&stand, 2);
    for (int i = 0; i < 10; i++)
        stand_send(&stand, i);
    g_assert_cmpuint(stand_count(&stand, "backpressure"), ==, 2);
    stand_expect_last(&stand, "backpressure", "\"severity\":\"high\"");
    stand_expect_last(&stand, "backpressure", "\"current_inflight\":7");
    stand_send(&stand, 10);
    stand_expect_last(&stand, "error", "BACKPRESSURE_EXCEEDED");
    for (int i = 9; i >= 0; i--)
        stand_answer(&stand, i);
    /* All leave with the first one's answer, in one go: a single step from high to none. */
    g_assert_cmpuint(stand_count(&stand, "backpressure"), ==, 3);
    stand_expect_last(&stand, "backpressure", "\"action\":\"none\"");
    stand_send(&stand, 10);
    g_assert_cmpuint(stand_count(&stand, "backpressure"), ==, 3);
    stand_close(&stand);
}

static void test_thresholds_of_ones_own(void)
{
    struct stand stand;
    stand_open_with(&stand, 10, (struct flow_limits){.pause_from = 2, .refuse_above = 3});
    stand_expect_last(&stand, "stream:ready", "\"max_inflight\":3");
    for (int i = 0; i < 4; i++)
        stand_send(&stand, i);
    stand_expect_last(&stand, "error", "at most 3 are taken");
    stand_close(&stand);
}

/* The worker keeps back what it has; what was on its way all the same is still served. */
static void test_drain_waits_for_what_is_in_flight(void)
{
    struct stand stand;
    stand_open(&stand, 1);
    stand_send(&stand, 0);
    session_drain(stand.session);
    stand_expect_last(&stand, "backpressure", "\"action\":\"pause\"");
    stand_expect_last(&stand, "backpressure", "\"threshold_exceeded\":\"stopping\"");
    stand_send(&stand, 1);
    stand_answer(&stand, 0);
    g_assert_cmpuint(stand.n_drained, ==, 0);
    stand_answer(&stand, 1);
    g_assert_cmpuint(stand.n_drained, ==, 1);
    g_assert_cmpuint(stand_count(&stand, "fragment:processed"), ==, 2);
    g_assert_cmpuint(stand_count(&stand, "backpressure"), ==, 1);
    g_assert_cmpuint(stand_count(&stand, "error"), ==, 0);
    stand_close(&stand);
}

static void test_drain_with_nothing_in_flight_is_over(void)
{
    struct stand stand;
    stand_open(&stand, 3);
    session_drain(stand.session);
    g_assert_cmpuint(stand.n_drained, ==, 1);
    g_assert_cmpuint(stand_count(&stand, "backpressure"), ==, 0);
    session_end(stand.session, "over");
    g_assert_true(stand.completed);
    g_assert_cmpuint(stand.n_drained, ==, 1);
    stand_close(&stand);
}

static void test_end_waits_for_what_is_in_flight(void)
{
    struct stand stand;
    stand_open(&stand, 3);
    stand_send(&stand, 0);
    stand_send(&stand, 1);
    session_end(stand.session, "over");
    session_end(stand.session, NULL);
    session_resume(stand.session);
    stand_send(&stand, 2);
    stand_expect_last(&stand, "error", "has ended");
    stand_answer(&stand, 1);
    g_assert_false(stand.completed);
    dub_fake_clock_advance(&stand.clock, 70 * DUB_NS_PER_MS);
    stand_answer(&stand, 0);
    g_assert_true(stand.completed);
    g_assert_true(session_is_complete(stand.session));
    g_assert_cmpuint(stand_count(&stand, "stream:complete"), ==, 1);
    stand_expect_last(&stand, "stream:complete", "\"total_fragments\":2");
    stand_expect_last(&stand, "stream:complete", "\"avg_processing_time_ms\":70");
    g_assert_cmpfloat(dub_metric_get(stand.metrics.sessions, NULL), ==, 0);
    stand_send(&stand, 2);
    stand_expect_last(&stand, "error", "STREAM_NOT_FOUND");
    stand_close(&stand);
}

static void test_free_cancels(void)
{
    struct stand stand;
    struct dub_error bad;
    dub_error_set(&bad, DUB_ERROR_FRAGMENT_TOO_LARGE, "large");
    stand_open(&stand, 10);
    for (int i = 0; i < 4; i++)
        stand_send_as(&stand, i, i, i == 2 ? &bad : NULL);
    stand_answer(&stand, 1);
    g_autoptr(GCancellable) cancellable = g_object_ref(stand.cancellable);
    g_assert_cmpuint(session_inflight(stand.session), ==, 4);
    stand_close(&stand);
    g_assert_true(g_cancellable_is_cancelled(cancellable));
}

static void test_simulated_error_and_pressure(void)
{
    struct stand stand;
    stand_open(&stand, 3);
    simulate(&stand, DUB_TRIGGER_NTH_FRAGMENT, 2, DUB_ERROR_GPU_OOM);
    stand.simulation.pressure = (struct dub_backpressure_simulation){
        .enabled = true, .threshold = 1, .severity = DUB_PRESSURE_HIGH, .action = DUB_ACTION_PAUSE};
    stand_send(&stand, 0);
    stand_expect_last(&stand, "backpressure", "\"threshold_exceeded\":\"simulated\"");
    stand_send(&stand, 1);
    g_assert_cmpuint(stand_count(&stand, "backpressure"), ==, 1);
    stand_answer(&stand, 0);
    stand_answer(&stand, 1);
    stand_expect_last(&stand, "fragment:processed", "GPU_OOM");
    stand_expect_last(&stand, "backpressure", "\"action\":\"none\"");
    stand_send(&stand, 2);
    stand.simulation.pressure.recommended_delay_ms = 77;
    session_simulation_changed(stand.session);
    stand_expect_last(&stand, "backpressure", "\"recommended_delay_ms\":77");
    stand.simulation.pressure.enabled = false;
    session_simulation_changed(stand.session);
    g_assert_cmpuint(stand_count(&stand, "backpressure"), ==, 5);
    stand_close(&stand);
}

static void test_job_carries_what_the_stream_said(void)
{
    struct stand stand;
    stand_open(&stand, 3);
    dub_fake_clock_advance(&stand.clock, DUB_NS_PER_S);
    stand_send(&stand, 0);
    const struct job *job = stand.jobs->pdata[0];
    g_assert_cmpint((int)((job->deadline_ns - job->arrived_ns) / DUB_NS_PER_MS), ==, DUB_TIMEOUT_MS_DEFAULT);
    g_assert_cmpint(job->settings->out_sample_rate_hz, ==, DUB_SAMPLE_RATE_HZ_DEFAULT);
    g_assert_cmpstr(job->settings->stream_id, ==, "news");
    stand_close(&stand);
}

/* Random conduct of worker and processor: every accepted fragment is answered once and in order. */
static void test_random_conduct(void)
{
    struct stand stand;
    stand_open(&stand, 3);
    int sent = 0;
    for (int step = 0; step < 5000; step++) {
        unsigned acks = stand_count(&stand, "fragment:ack");
        if (stand.jobs->len > 0 && g_test_rand_bit()) {
            const struct job *job = stand.jobs->pdata[g_test_rand_int_range(0, (gint32)stand.jobs->len)];
            stand_answer(&stand, job->result.sequence_number);
        } else {
            stand_send(&stand, sent);
            sent += stand_count(&stand, "fragment:ack") > acks;
        }
        g_assert_cmpuint(session_inflight(stand.session), <=, 10);
        if (step % 100 == 0)
            g_ptr_array_set_size(stand.events, 0);
    }
    while (stand.jobs->len > 0)
        stand_answer(&stand, ((struct job *)stand.jobs->pdata[stand.jobs->len - 1])->result.sequence_number);
    session_end(stand.session, NULL);
    g_autofree char *total = g_strdup_printf("\"total_fragments\":%d,", sent);
    stand_expect_last(&stand, "stream:complete", total);
    g_autofree char *sequence = g_strdup_printf("\"sequence_number\":%d,", sent - 1);
    stand_expect_last(&stand, "fragment:processed", sequence);
    stand_close(&stand);
}

static void expect_estimate(const struct stand *stand, unsigned ahead, unsigned ms)
{
    g_autofree char *text =
        g_strdup_printf("\"queue_position\":%u,\"estimated_completion_ms\":%u}", ahead, ms);
    stand_expect_last(stand, "fragment:ack", text);
}

/* Half of the fragment's 10 ms before anything is known; then what fragments have taken, one after the other.
 */
static void test_estimates(void)
{
    struct stand stand;
    stand_open(&stand, 10);
    stand.parallelism = 1;
    stand_send(&stand, 0);
    expect_estimate(&stand, 0, 5);
    stand_send(&stand, 1);
    expect_estimate(&stand, 1, 10);
    dub_fake_clock_advance(&stand.clock, 300 * DUB_NS_PER_MS);
    stand_answer(&stand, 0);
    stand_send(&stand, 2);
    expect_estimate(&stand, 1, 600);
    ((struct job *)stand.jobs->pdata[0])->waited_ns[JOB_TRANSLATION] = 300 * DUB_NS_PER_MS;
    dub_fake_clock_advance(&stand.clock, 100 * DUB_NS_PER_MS);
    stand_answer(&stand, 1);
    stand_answer(&stand, 2);
    g_assert_cmpfloat_with_epsilon(stand.work_time.average_ms, (300 + 100 + 100) / 3.0, 1e-9);
    stand_send(&stand, 3);
    expect_estimate(&stand, 0, 167);
    stand_close(&stand);
}

static void test_estimates_by_what_other_streams_took(void)
{
    const struct dub_error bad = {.code = DUB_ERROR_INVALID_AUDIO_FORMAT, .message = "bad"};
    struct stand stand;
    stand_open(&stand, 10);
    work_time_add(&stand.work_time, 700);
    stand_send_as(&stand, 0, 0, &bad);
    expect_estimate(&stand, 0, 0);
    g_assert_cmpuint(stand.work_time.n, ==, 1);
    stand_send(&stand, 1);
    stand_send(&stand, 2);
    expect_estimate(&stand, 1, 700);
    dub_fake_clock_advance(&stand.clock, 300 * DUB_NS_PER_MS);
    stand_answer(&stand, 1);
    stand_send(&stand, 3);
    expect_estimate(&stand, 1, 300);
    g_assert_cmpfloat(stand.work_time.average_ms, ==, 500);
    dub_error_set(&((struct job *)stand.jobs->pdata[0])->forced, DUB_ERROR_TIMEOUT, "late");
    stand_answer(&stand, 2);
    g_assert_cmpuint(stand.work_time.n, ==, 2);
    dub_error_set(&((struct job *)stand.jobs->pdata[0])->forced, DUB_ERROR_ASR_FAILED, "noise");
    stand_answer(&stand, 3);
    g_assert_cmpuint(stand.work_time.n, ==, 3);
    stand_close(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* Refusals are logged as warnings, which is what is tested here. */
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/session/ready", test_ready);
    g_test_add_func("/session/answers-in-order-whatever-finishes-first", test_order_whatever_finishes_first);
    g_test_add_func("/session/failure-takes-its-turn", test_failure_takes_its_turn);
    g_test_add_func("/session/address-alone-is-admitted-or-refused",
                    test_address_alone_is_admitted_or_refused);
    g_test_add_func("/session/refusals-use-no-number", test_refusals_use_no_number);
    g_test_add_func("/session/same-id-again-after-its-answer", test_same_id_again_after_its_answer);
    g_test_add_func("/session/retryable-failure-is-processed-again-in-its-place",
                    test_a_retryable_failure_is_processed_again_in_its_place);
    g_test_add_func("/session/no-second-try-after-a-final-failure", test_no_second_try_after_a_final_failure);
    g_test_add_func("/session/refused-second-try-may-come-again", test_a_refused_second_try_may_come_again);
    g_test_add_func("/session/pressure-is-said-once-per-change", test_pressure_is_said_once_per_change);
    g_test_add_func("/session/thresholds-of-ones-own", test_thresholds_of_ones_own);
    g_test_add_func("/session/drain-waits-for-what-is-in-flight", test_drain_waits_for_what_is_in_flight);
    g_test_add_func("/session/drain-with-nothing-in-flight-is-over",
                    test_drain_with_nothing_in_flight_is_over);
    g_test_add_func("/session/end-waits-for-what-is-in-flight", test_end_waits_for_what_is_in_flight);
    g_test_add_func("/session/free-cancels", test_free_cancels);
    g_test_add_func("/session/simulated-error-and-pressure", test_simulated_error_and_pressure);
    g_test_add_func("/session/job-carries-what-the-stream-said", test_job_carries_what_the_stream_said);
    g_test_add_func("/session/random-conduct", test_random_conduct);
    g_test_add_func("/session/estimates", test_estimates);
    g_test_add_func("/session/estimates-by-what-other-streams-took",
                    test_estimates_by_what_other_streams_took);
    return g_test_run();
}
