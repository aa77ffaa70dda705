/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts beside the core: flow control, round trips, checks of audio. */
#include "exchange_audio.h"
#include "exchange_flow.h"
#include "exchange_rtt.h"

#include <string.h>

#define MS DUB_NS_PER_MS
#define S DUB_NS_PER_S

static struct dub_backpressure pressure_of(enum dub_pressure_severity severity,
                                           enum dub_pressure_action action, int delay_ms)
{
    return (struct dub_backpressure){
        .severity = severity, .action = action, .recommended_delay_ms = delay_ms};
}

static void test_flow_holds_both_limits(void)
{
    struct flow flow;
    flow_init(&flow, 3);
    g_assert_cmpint(flow_next_send_ns(&flow, 2, 10), ==, 10);
    g_assert_cmpint(flow_next_send_ns(&flow, 3, 10), ==, INT64_MAX);
    flow_set_service_limit(&flow, 2);
    g_assert_cmpint(flow_next_send_ns(&flow, 2, 10), ==, INT64_MAX);
    flow_set_service_limit(&flow, 10);
    g_assert_cmpint(flow_next_send_ns(&flow, 2, 10), ==, 10);
    g_assert_cmpint(flow_next_send_ns(&flow, 3, 10), ==, INT64_MAX);
}

static void test_flow_slows_down_until_none(void)
{
    struct flow flow;
    flow_init(&flow, 10);
    flow_note_sent(&flow, 1 * S);
    struct dub_backpressure slow = pressure_of(DUB_PRESSURE_MEDIUM, DUB_ACTION_SLOW_DOWN, 500);
    flow_on_backpressure(&flow, &slow, 1 * S);
    g_assert_cmpuint(flow.severity, ==, 2);
    g_assert_cmpint(flow_next_send_ns(&flow, 4, 1 * S), ==, 1500 * MS);
    g_assert_cmpint(flow_next_send_ns(&flow, 4, 2 * S), ==, 2 * S);
    struct dub_backpressure none = pressure_of(DUB_PRESSURE_LOW, DUB_ACTION_NONE, 500);
    flow_on_backpressure(&flow, &none, 1 * S);
    g_assert_cmpuint(flow.severity, ==, 0);
    g_assert_cmpint(flow_next_send_ns(&flow, 4, 1 * S), ==, 1 * S);
}

static void test_flow_pauses_but_not_for_ever(void)
{
    struct flow flow;
    flow_init(&flow, 10);
    struct dub_backpressure pause = pressure_of(DUB_PRESSURE_HIGH, DUB_ACTION_PAUSE, 0);
    flow_on_backpressure(&flow, &pause, 1 * S);
    g_assert_cmpuint(flow.severity, ==, 3);
    g_assert_true(flow_is_paused(&flow, 2 * S));
    g_assert_cmpint(flow_next_send_ns(&flow, 0, 2 * S), ==, 1 * S + FLOW_MAX_PAUSE_NS);
    g_assert_false(flow_is_paused(&flow, 1 * S + FLOW_MAX_PAUSE_NS));
    struct dub_backpressure slow = pressure_of(DUB_PRESSURE_MEDIUM, DUB_ACTION_SLOW_DOWN, 100);
    flow_on_backpressure(&flow, &slow, 3 * S);
    g_assert_cmpint(flow_next_send_ns(&flow, 0, 3 * S), ==, 3 * S);
}

static void test_flow_bounds_an_absurd_delay(void)
{
    struct flow flow;
    flow_init(&flow, 10);
    flow_note_sent(&flow, 0);
    struct dub_backpressure slow = pressure_of(DUB_PRESSURE_LOW, DUB_ACTION_SLOW_DOWN, G_MAXINT);
    flow_on_backpressure(&flow, &slow, 0);
    g_assert_cmpint(flow_next_send_ns(&flow, 0, 0), ==, FLOW_MAX_DELAY_MS * MS);
}

static void test_rtt_percentile(void)
{
    struct rtt rtt = {0};
    for (int i = 1; i <= 4; i++)
        rtt_add(&rtt, i * MS);
    g_assert_cmpint(rtt_p95_ns(&rtt, 77), ==, 77);
    rtt_add(&rtt, 900 * MS);
    g_assert_cmpint(rtt_p95_ns(&rtt, 77), ==, 900 * MS);
    for (int i = 0; i < 46; i++)
        rtt_add(&rtt, 100 * MS);
    g_assert_cmpint(rtt_p95_ns(&rtt, 77), ==, 100 * MS);
    for (int i = 0; i < RTT_RECENT; i++)
        rtt_add(&rtt, (RTT_RECENT - i) * MS);
    g_assert_cmpint(rtt_p95_ns(&rtt, 77), ==, 48 * MS);
}

static void test_rtt_histogram(void)
{
    struct rtt rtt = {0};
    const int64_t values_ms[] = {0, 50, 51, 100, 250, 500, 1000, 2000, 4000, 8000, 8001, 90000};
    const uint64_t expected[] = {2, 2, 1, 1, 1, 1, 1, 1, 2};
    for (gsize i = 0; i < G_N_ELEMENTS(values_ms); i++)
        rtt_add(&rtt, values_ms[i] * MS);
    g_assert_cmpint(memcmp(rtt.counts, expected, sizeof expected), ==, 0);
    g_assert_cmpfloat_with_epsilon(rtt.sum_ms, 113952, 0.001);
}

/* A second of a tone-like sawtooth, said as it is; the tests then spoil one thing each. */
static struct dub_audio good_audio(unsigned n)
{
    int16_t *samples = g_new(int16_t, n);
    for (unsigned i = 0; i < n; i++)
        samples[i] = (int16_t)GINT16_TO_LE((int16_t)(i % 200 * 100));
    struct dub_audio audio = {
        .format = DUB_FORMAT_PCM_S16LE, .sample_rate_hz = DUB_EXCHANGE_RATE_HZ, .channels = 1};
    audio.data = g_bytes_new_take(samples, n * sizeof(int16_t));
    audio.duration_ms = dub_audio_measured_ms(&audio);
    return audio;
}

static void assert_bad(struct dub_audio *audio, const char *says)
{
    struct dub_error error = {0};
    unsigned n = 0;
    g_assert_null(exchange_audio_check(audio, 1 * S, &n, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_false(error.retryable);
    if (strstr(error.message, says) == NULL)
        g_error("\"%s\" does not say \"%s\"", error.message, says);
    dub_audio_clear(audio);
}

static void test_audio_that_is_good(void)
{
    struct dub_audio audio = good_audio(DUB_EXCHANGE_RATE_HZ);
    struct dub_error error = {0};
    unsigned n = 0;
    g_autofree int16_t *samples = exchange_audio_check(&audio, 1 * S, &n, &error);
    g_assert_nonnull(samples);
    g_assert_cmpuint(n, ==, DUB_EXCHANGE_RATE_HZ);
    g_assert_cmpint(samples[199], ==, 19900);
    g_assert_cmpint(error.code, ==, DUB_ERROR_NONE);
    dub_audio_clear(&audio);
}

static void test_audio_that_is_not_what_was_asked_for(void)
{
    struct dub_audio audio = good_audio(24000);
    audio.sample_rate_hz = 16000;
    audio.duration_ms = 1500;
    assert_bad(&audio, "16000 Hz");
    audio = good_audio(24000);
    audio.channels = 2;
    assert_bad(&audio, "2 channels");
    audio = good_audio(24000);
    audio.format = DUB_FORMAT_M4A;
    assert_bad(&audio, "m4a");
    audio = (struct dub_audio){.format = DUB_FORMAT_PCM_S16LE, .sample_rate_hz = 24000, .channels = 1};
    assert_bad(&audio, "no audio");
}

static void test_audio_of_a_wrong_duration(void)
{
    struct dub_audio audio = good_audio(24000);
    audio.duration_ms = 3000;
    assert_bad(&audio, "3000 ms");
    audio = good_audio(24000 * 13 / 10);
    assert_bad(&audio, "its slot allows 1200 ms");
    audio = good_audio(24000);
    g_bytes_unref(audio.data);
    audio.data = g_bytes_new_static("abc", 3);
    assert_bad(&audio, "whole frames");
    audio = good_audio(0);
    assert_bad(&audio, "silent");
}

static void fill(struct dub_audio *audio, int16_t value, unsigned n)
{
    gsize size = 0;
    int16_t *samples = (int16_t *)(void *)g_bytes_unref_to_data(audio->data, &size);
    for (unsigned i = 0; i < n; i++)
        samples[i] = (int16_t)GINT16_TO_LE(value);
    audio->data = g_bytes_new_take(samples, size);
}

static void test_audio_that_is_silent_or_clipped(void)
{
    struct dub_audio audio = good_audio(24000);
    fill(&audio, 0, 24000);
    assert_bad(&audio, "silent");
    audio = good_audio(24000);
    fill(&audio, INT16_MAX, 241);
    assert_bad(&audio, "clipped");
    audio = good_audio(24000);
    fill(&audio, INT16_MIN, 241);
    assert_bad(&audio, "clipped");
    audio = good_audio(24000);
    fill(&audio, INT16_MAX, 240);
    unsigned n = 0;
    g_autofree int16_t *samples = exchange_audio_check(&audio, 1 * S, &n, NULL);
    g_assert_nonnull(samples);
    dub_audio_clear(&audio);
}

static void test_audio_of_a_fragment(void)
{
    struct dub_exchange_fragment fragment = {.samples = g_new0(int16_t, 2400), .n_samples = 2400};
    struct dub_audio audio;
    fragment.samples[1] = 258;
    exchange_audio_take(&audio, &fragment);
    g_assert_null(fragment.samples);
    g_assert_cmpint(audio.duration_ms, ==, 100);
    g_assert_cmpint(dub_audio_frames(&audio), ==, 2400);
    g_assert_cmpint(memcmp((const char *)g_bytes_get_data(audio.data, NULL) + 2, "\x02\x01", 2), ==, 0);
    dub_audio_clear(&audio);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-flow/holds-both-limits", test_flow_holds_both_limits);
    g_test_add_func("/exchange-flow/slows-down-until-none", test_flow_slows_down_until_none);
    g_test_add_func("/exchange-flow/pauses-but-not-for-ever", test_flow_pauses_but_not_for_ever);
    g_test_add_func("/exchange-flow/bounds-an-absurd-delay", test_flow_bounds_an_absurd_delay);
    g_test_add_func("/exchange-rtt/percentile", test_rtt_percentile);
    g_test_add_func("/exchange-rtt/histogram", test_rtt_histogram);
    g_test_add_func("/exchange-audio/good", test_audio_that_is_good);
    g_test_add_func("/exchange-audio/not-what-was-asked-for", test_audio_that_is_not_what_was_asked_for);
    g_test_add_func("/exchange-audio/wrong-duration", test_audio_of_a_wrong_duration);
    g_test_add_func("/exchange-audio/silent-or-clipped", test_audio_that_is_silent_or_clipped);
    g_test_add_func("/exchange-audio/of-a-fragment", test_audio_of_a_fragment);
    return g_test_run();
}
