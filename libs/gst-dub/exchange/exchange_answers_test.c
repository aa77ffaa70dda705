/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "breaker.h"
#include "exchange_core_rig.h"

static void test_breaker_opens_probes_and_closes(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 3);
    for (guint i = 0; i < 5; i++) {
        rig_submit(&rig, 1);
        rig_answer_failed(&rig, i, DUB_ERROR_MODEL_ERROR);
    }
    g_assert_cmpint(rig_stats(&rig).breaker, ==, DUB_BREAKER_OPEN);
    rig_submit(&rig, 1);
    g_assert_cmpint(rig_got_at(&rig, 5)->error.code, ==, DUB_ERROR_BREAKER_OPEN);
    g_assert_cmpuint(rig.sent->len, ==, 5);
    rig_pass(&rig, BREAKER_OPEN_NS);
    g_assert_cmpint(rig_stats(&rig).breaker, ==, DUB_BREAKER_HALF_OPEN);
    rig_submit(&rig, 2);
    g_assert_cmpuint(rig.sent->len, ==, 6);
    g_assert_cmpuint(rig_got_at(&rig, 6)->id, ==, 7);
    rig_answer(&rig, 5);
    g_assert_cmpint(rig_stats(&rig).breaker, ==, DUB_BREAKER_CLOSED);
    rig_submit(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 7);
    rig_stop(&rig);
}

static void test_failures_that_do_not_open_the_breaker(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 3);
    for (guint i = 0; i < 20; i++) {
        rig_submit(&rig, 1);
        rig_answer_failed(&rig, i, DUB_ERROR_ASR_FAILED);
        g_assert_cmpint(rig_got_at(&rig, i)->error.code, ==, DUB_ERROR_ASR_FAILED);
        g_assert_cmpint(rig_got_at(&rig, i)->error.stage, ==, DUB_STAGE_ASR);
    }
    g_assert_cmpint(rig_stats(&rig).breaker, ==, DUB_BREAKER_CLOSED);
    g_assert_cmpuint(rig.n_received, ==, 20);
    rig_stop(&rig);
}

static void test_timeouts_open_the_breaker(void)
{
    struct rig rig;
    rig_start(&rig, 10);
    rig_connect_ready(&rig, 10);
    rig_submit(&rig, 5);
    rig_pass(&rig, 8 * S);
    g_assert_cmpint(rig_stats(&rig).breaker, ==, DUB_BREAKER_OPEN);
    rig_stop(&rig);
}

static void say_pressure(struct rig *rig, enum dub_pressure_severity severity,
                         enum dub_pressure_action action, int delay_ms)
{
    struct dub_backpressure pressure = {
        .stream_id = (char *)STREAM,
        .severity = severity,
        .action = action,
        .recommended_delay_ms = delay_ms,
        .max_inflight = 3,
    };
    rig_say(rig, DUB_EVENT_BACKPRESSURE, dub_backpressure_to_json(&pressure));
}

static void test_slow_down_is_obeyed(void)
{
    struct rig rig;
    rig_start(&rig, 10);
    rig_connect_ready(&rig, 10);
    rig_submit(&rig, 1);
    say_pressure(&rig, DUB_PRESSURE_MEDIUM, DUB_ACTION_SLOW_DOWN, 700);
    g_assert_cmpuint(rig_stats(&rig).backpressure, ==, 2);
    rig_submit(&rig, 3);
    rig_pass(&rig, 699 * MS);
    g_assert_cmpuint(rig.sent->len, ==, 1);
    rig_pass(&rig, 1 * MS);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    rig_pass(&rig, 700 * MS);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    say_pressure(&rig, DUB_PRESSURE_LOW, DUB_ACTION_NONE, 0);
    g_assert_cmpuint(rig.sent->len, ==, 4);
    g_assert_cmpuint(rig_stats(&rig).backpressure, ==, 0);
    rig_stop(&rig);
}

static void test_pause_is_obeyed(void)
{
    struct rig rig;
    rig_start(&rig, 10);
    rig_connect_ready(&rig, 10);
    say_pressure(&rig, DUB_PRESSURE_HIGH, DUB_ACTION_PAUSE, 0);
    g_assert_cmpuint(rig_stats(&rig).backpressure, ==, 3);
    rig_submit_until(&rig, dub_clock_now_ns(&rig.fake.clock) + 1 * S);
    rig_submit(&rig, 1);
    rig_pass(&rig, 5 * S);
    g_assert_cmpuint(rig.sent->len, ==, 0);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(rig_got_at(&rig, 0)->error.message, "pause"));
    say_pressure(&rig, DUB_PRESSURE_LOW, DUB_ACTION_NONE, 0);
    g_assert_cmpuint(rig.sent->len, ==, 1);
    rig_stop(&rig);
}

static void test_a_refused_number_is_given_out_again(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 3);
    rig_submit(&rig, 3);
    rig_refuse(&rig, 1, DUB_ERROR_BACKPRESSURE_EXCEEDED, DUB_SEVERITY_WARNING);
    g_assert_cmpuint(rig.got->len, ==, 0);
    rig_refuse(&rig, 1, DUB_ERROR_BACKPRESSURE_EXCEEDED, DUB_SEVERITY_ERROR);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_BACKPRESSURE_EXCEEDED);
    rig_submit(&rig, 1);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    rig_refuse(&rig, 2, DUB_ERROR_INVALID_SEQUENCE, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.sent->len, ==, 4);
    g_assert_cmpint(rig_sent_at(&rig, 3)->sequence, ==, 1);
    rig_answer(&rig, 0);
    rig_answer(&rig, 3);
    rig_submit(&rig, 1);
    g_assert_cmpint(rig_sent_at(&rig, 4)->sequence, ==, 2);
    g_assert_cmpuint(rig.n_disconnects, ==, 0);
    rig_stop(&rig);
}

static void test_a_service_that_counts_otherwise_is_left(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    rig_connect_ready(&rig, 3);
    rig_submit(&rig, 3);
    for (guint i = 0; i < 3; i++)
        rig_refuse(&rig, i, DUB_ERROR_INVALID_SEQUENCE, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.n_disconnects, ==, 1);
    rig_pass(&rig, 2 * S);
    g_assert_cmpuint(rig.n_connects, ==, 2);
    rig_stop(&rig);
}

static void test_fatal_errors_end_the_conversation(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    exchange_core_connected(rig.core);
    rig_refuse(&rig, 99, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.n_disconnects, ==, 1);
    rig_submit(&rig, 1);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR);
    rig_pass(&rig, 2 * S);
    rig_connect_ready(&rig, 3);
    rig_refuse(&rig, 99, DUB_ERROR_MODEL_ERROR, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.n_disconnects, ==, 1);
    rig_submit(&rig, 1);
    rig_refuse(&rig, 0, DUB_ERROR_STREAM_NOT_FOUND, DUB_SEVERITY_ERROR);
    g_assert_cmpuint(rig.n_disconnects, ==, 2);
    g_assert_cmpint(rig_got_at(&rig, 1)->error.code, ==, DUB_ERROR_STREAM_NOT_FOUND);
    rig_stop(&rig);
}

static void send_away(struct rig *rig)
{
    rig_refuse(rig, 99, DUB_ERROR_QUEUE_FULL, DUB_SEVERITY_FATAL);
}

/* What is in flight is lost with the service; what has not been sent, and what comes meanwhile, is not. */
static void test_sent_away_in_good_order_it_moves_at_once(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    rig_connect_ready(&rig, 1);
    rig_submit(&rig, 2);
    send_away(&rig);
    g_assert_cmpuint(rig.n_disconnects, ==, 1);
    g_assert_cmpuint(rig.n_connects, ==, 2);
    rig_submit(&rig, 1);
    g_assert_cmpuint(rig.got->len, ==, 1);
    g_assert_cmpuint(rig_got_at(&rig, 0)->id, ==, 0);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_QUEUE_FULL);
    rig_connect_ready(&rig, 3);
    g_assert_cmpuint(rig.sent->len, ==, 2);
    g_assert_cmpint(rig_sent_at(&rig, 1)->sequence, ==, 0);
    rig_answer(&rig, 1);
    rig_answer(&rig, 2);
    g_assert_true(rig_got_at(&rig, 1)->dubbed && rig_got_at(&rig, 2)->dubbed);
    g_assert_cmpint(rig_stats(&rig).breaker, ==, DUB_BREAKER_CLOSED);
    rig_stop(&rig);
}

static void test_a_pause_before_it_holds_back_what_goes_along(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 3);
    rig_submit(&rig, 1);
    say_pressure(&rig, DUB_PRESSURE_HIGH, DUB_ACTION_PAUSE, 0);
    rig_submit(&rig, 2);
    g_assert_cmpuint(rig.sent->len, ==, 1);
    rig_answer(&rig, 0);
    send_away(&rig);
    rig_connect_ready(&rig, 3);
    g_assert_cmpuint(rig.sent->len, ==, 3);
    g_assert_cmpuint(rig.got->len, ==, 1);
    rig_stop(&rig);
}

/* Nobody is behind the address yet: from then on as after any loss. */
static void test_a_move_that_fails_is_a_loss(void)
{
    const struct dub_error loss = {.code = DUB_ERROR_UNAVAILABLE, .retryable = true};
    struct rig rig;
    rig_start(&rig, 1);
    rig_connect_ready(&rig, 1);
    send_away(&rig);
    rig_submit(&rig, 1);
    exchange_core_lost(rig.core, &loss);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_UNAVAILABLE);
    rig_submit(&rig, 1);
    g_assert_cmpuint(rig.got->len, ==, 2);
    rig_pass(&rig, 2 * S - 1);
    g_assert_cmpuint(rig.n_connects, ==, 2);
    rig_pass(&rig, 1);
    g_assert_cmpuint(rig.n_connects, ==, 3);
    rig_stop(&rig);
}

/* Who is sent from one to the next without being served does not run; but keeps what it has. */
static void test_sent_around_it_slows_down(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    rig_connect_ready(&rig, 1);
    send_away(&rig);
    rig_connect_ready(&rig, 1);
    send_away(&rig);
    g_assert_cmpuint(rig.n_connects, ==, 2);
    rig_submit(&rig, 1);
    rig_pass(&rig, 2 * S - 1);
    g_assert_cmpuint(rig.n_connects, ==, 2);
    rig_pass(&rig, 1);
    g_assert_cmpuint(rig.n_connects, ==, 3);
    rig_connect_ready(&rig, 1);
    rig_answer(&rig, 0);
    g_assert_true(rig_got_at(&rig, 0)->dubbed);
    send_away(&rig);
    g_assert_cmpuint(rig.n_connects, ==, 4);
    rig_connect_ready(&rig, 1);
    rig_pass(&rig, 10 * S);
    send_away(&rig);
    g_assert_cmpuint(rig.n_connects, ==, 5);
    rig_stop(&rig);
}

static void test_lies_are_ignored_and_counted(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 3);
    rig_submit(&rig, 2);
    struct dub_fragment_processed processed = rig_success_for(rig_sent_at(&rig, 0));
    processed.sequence_number = 1;
    rig_say_processed(&rig, &processed);
    processed = rig_success_for(rig_sent_at(&rig, 0));
    processed.stream_id = (char *)"another";
    rig_say_processed(&rig, &processed);
    processed = rig_success_for(rig_sent_at(&rig, 0));
    processed.fragment_id = (char *)"0b7cf5d0-6f3b-4b6e-a6c8-2a9b5a6d7e01";
    rig_say_processed(&rig, &processed);
    rig_say_ready(&rig, 1);
    exchange_core_event(rig.core, "fragment:processed", NULL);
    exchange_core_event(rig.core, "no:such", NULL);
    rig_say(&rig, DUB_EVENT_FRAGMENT_PROCESSED, json_node_init_int(json_node_alloc(), 7));
    JsonNode *empty = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(empty, json_object_new());
    rig_say(&rig, DUB_EVENT_BACKPRESSURE, empty);
    rig_say(&rig, DUB_EVENT_ERROR, json_node_init_boolean(json_node_alloc(), TRUE));
    g_assert_cmpuint(rig.got->len, ==, 0);
    g_assert_cmpuint(rig_stats(&rig).ignored_answers, ==, 9);
    rig_answer(&rig, 0);
    rig_answer(&rig, 0);
    g_assert_cmpuint(rig.got->len, ==, 1);
    g_assert_true(rig_got_at(&rig, 0)->dubbed);
    g_assert_cmpuint(rig_stats(&rig).ignored_answers, ==, 10);
    g_assert_cmpuint(rig_stats(&rig).late_answers, ==, 0);
    rig_stop(&rig);
}

static void test_no_speech_is_no_failure(void)
{
    struct rig rig;
    rig_start(&rig, 1);
    rig_connect_ready(&rig, 1);
    for (guint i = 0; i < 10; i++) {
        rig_submit(&rig, 1);
        struct dub_fragment_processed processed = rig_success_for(rig_sent_at(&rig, i));
        processed.transcript = processed.translated_text = (char *)"";
        g_bytes_unref(processed.dubbed_audio.data);
        processed.dubbed_audio.data = rig_noise(0);
        rig_say_processed(&rig, &processed);
        g_assert_false(rig_got_at(&rig, i)->dubbed);
        g_assert_true(rig_got_at(&rig, i)->no_speech);
        g_assert_cmpint(rig_got_at(&rig, i)->error.code, ==, DUB_ERROR_NONE);
    }
    g_assert_cmpint(rig_stats(&rig).breaker, ==, DUB_BREAKER_CLOSED);
    rig_stop(&rig);
}

static void test_bad_audio_is_a_failed_phrase(void)
{
    struct rig rig;
    rig_start(&rig, 3);
    rig_connect_ready(&rig, 3);
    rig_submit(&rig, 2);
    struct dub_fragment_processed processed = rig_success_for(rig_sent_at(&rig, 0));
    g_bytes_unref(processed.dubbed_audio.data);
    processed.dubbed_audio.data = rig_noise(0);
    rig_say_processed(&rig, &processed);
    g_assert_cmpint(rig_got_at(&rig, 0)->error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_false(rig_got_at(&rig, 0)->no_speech);
    processed = rig_success_for(rig_sent_at(&rig, 1));
    JsonNode *node = dub_fragment_processed_to_json(&processed);
    JsonObject *audio = json_object_get_object_member(json_node_get_object(node), "dubbed_audio");
    json_object_set_string_member(audio, "data_base64", "no base64!");
    rig_say(&rig, DUB_EVENT_FRAGMENT_PROCESSED, node);
    g_bytes_unref(processed.dubbed_audio.data);
    g_assert_cmpint(rig_got_at(&rig, 1)->error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    rig_stop(&rig);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"breaker-opens-probes-and-closes", test_breaker_opens_probes_and_closes},
        {"failures-that-do-not-open-the-breaker", test_failures_that_do_not_open_the_breaker},
        {"timeouts-open-the-breaker", test_timeouts_open_the_breaker},
        {"slow-down-is-obeyed", test_slow_down_is_obeyed},
        {"pause-is-obeyed", test_pause_is_obeyed},
        {"a-refused-number-is-given-out-again", test_a_refused_number_is_given_out_again},
        {"a-service-that-counts-otherwise-is-left", test_a_service_that_counts_otherwise_is_left},
        {"fatal-errors-end-the-conversation", test_fatal_errors_end_the_conversation},
        {"sent-away-in-good-order-it-moves-at-once", test_sent_away_in_good_order_it_moves_at_once},
        {"a-pause-before-it-holds-back-what-goes-along", test_a_pause_before_it_holds_back_what_goes_along},
        {"a-move-that-fails-is-a-loss", test_a_move_that_fails_is_a_loss},
        {"sent-around-it-slows-down", test_sent_around_it_slows_down},
        {"lies-are-ignored-and-counted", test_lies_are_ignored_and_counted},
        {"no-speech-is-no-failure", test_no_speech_is_no_failure},
        {"bad-audio-is-a-failed-phrase", test_bad_audio_is_a_failed_phrase},
    };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/exchange-answers/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
