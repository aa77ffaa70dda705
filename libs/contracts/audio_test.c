/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_events.h>
#include <string.h>

static void fill_fragment(struct dub_fragment_data *fragment, gsize bytes, int64_t duration_ms)
{
    dub_fragment_data_init(fragment);
    fragment->fragment_id = g_strdup(TEST_UUID);
    fragment->stream_id = g_strdup("news");
    fragment->timestamp_ms = 1;
    fragment->audio = (struct dub_audio){
        .format = DUB_FORMAT_PCM_S16LE,
        .sample_rate_hz = 24000,
        .channels = 1,
        .duration_ms = duration_ms,
        .data = g_bytes_new_take(g_malloc0(bytes), bytes),
    };
}

static bool read_changed(const char *member, JsonNode *take_value, bool in_audio,
                         struct dub_fragment_data *read, struct dub_error *error)
{
    struct dub_fragment_data fragment;
    fill_fragment(&fragment, 480, 10);
    g_autoptr(JsonNode) node = dub_fragment_data_to_json(&fragment);
    dub_fragment_data_clear(&fragment);
    JsonObject *object = json_node_get_object(node);
    if (in_audio)
        object = json_object_get_object_member(object, "audio");
    json_object_set_member(object, member, take_value);
    return dub_fragment_data_read(read, node, error);
}

static JsonNode *string_node(const char *text)
{
    return json_node_init_string(json_node_alloc(), text);
}

static void expect_audio_problem(const char *member, JsonNode *take_value, enum dub_error_code code,
                                 const char *says)
{
    struct dub_fragment_data read;
    struct dub_error error = {0};
    g_assert_false(read_changed(member, take_value, true, &read, &error));
    g_assert_cmpint(error.code, ==, code);
    g_assert_nonnull(strstr(error.message, says));
    g_assert_true(read.addressed);
    g_assert_cmpstr(read.fragment_id, ==, TEST_UUID);
    dub_fragment_data_clear(&read);
}

static void test_bad_base64(void)
{
    static const char *const bad[] = {
        "A", "AAA", "AAAA=", "A===", "====", "AA=A", "AA A", "AAA\n", "AA-_", "AAAAé=="};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        expect_audio_problem("data_base64", string_node(bad[i]), DUB_ERROR_INVALID_AUDIO_FORMAT, "base64");
}

static void test_too_large(void)
{
    gsize size = DUB_AUDIO_BASE64_BYTES_MAX;
    g_autofree char *at_limit = g_strnfill(size, 'A');
    g_autofree char *beyond = g_strnfill(size + 4, 'A');
    struct dub_fragment_data read;
    struct dub_error error = {0};
    g_assert_true(read_changed("data_base64", string_node(at_limit), true, &read, &error));
    g_assert_cmpint((int)g_bytes_get_size(read.audio.data), ==, (int)(size / 4 * 3));
    dub_fragment_data_clear(&read);
    expect_audio_problem("data_base64", string_node(beyond), DUB_ERROR_FRAGMENT_TOO_LARGE,
                         "audio.data_base64");
}

static void test_audio_problem_keeps_the_address(void)
{
    expect_audio_problem("format", string_node("mp3"), DUB_ERROR_INVALID_AUDIO_FORMAT,
                         "audio.format: must be");
    expect_audio_problem("sample_rate_hz", test_parse_json("7"), DUB_ERROR_INVALID_AUDIO_FORMAT,
                         "audio.sample_rate_hz: is 7, allowed is 8000 to 96000");
    expect_audio_problem("channels", test_parse_json("3"), DUB_ERROR_INVALID_AUDIO_FORMAT, "audio.channels");
    expect_audio_problem("duration_ms", test_parse_json("60001"), DUB_ERROR_INVALID_AUDIO_FORMAT,
                         "audio.duration_ms");
    expect_audio_problem("duration_ms", test_parse_json("\"1\""), DUB_ERROR_INVALID_AUDIO_FORMAT,
                         "audio.duration_ms");
}

static void test_bytes_survive(void)
{
    struct dub_fragment_data fragment, read;
    struct dub_error error = {0};
    fill_fragment(&fragment, 1001, 21);
    guint8 *bytes = g_malloc(1001);
    for (int i = 0; i < 1001; i++)
        bytes[i] = (guint8)(i * 7);
    g_bytes_unref(fragment.audio.data);
    fragment.audio.data = g_bytes_new_take(bytes, 1001);
    g_autoptr(JsonNode) node = dub_fragment_data_to_json(&fragment);
    g_assert_true(dub_fragment_data_read(&read, node, &error));
    g_assert_true(g_bytes_equal(read.audio.data, fragment.audio.data));
    g_assert_cmpint((int)read.metadata.pts_ns, ==, -1);
    g_assert_cmpint((int)read.metadata.max_duration_ms, ==, 0);
    dub_fragment_data_clear(&read);
    dub_fragment_data_clear(&fragment);
}

static void test_duration(void)
{
    static const struct {
        gsize bytes;
        int64_t said_ms;
        bool fits;
    } cases[] = {
        {96000, 2000, true},  {96000, 2400, true}, {96000, 2401, false}, {96000, 1600, true},
        {96000, 1599, false}, {480, 12, true},     {480, 13, false},     {96, 3, true},
        {96, 4, false},       {0, 0, true},        {0, 2, false},        {97, 2, false},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_fragment_data fragment;
        struct dub_error error = {0};
        fill_fragment(&fragment, cases[i].bytes, cases[i].said_ms);
        g_test_message("%zu bytes said to be %d ms", cases[i].bytes, (int)cases[i].said_ms);
        g_assert_cmpint(dub_audio_check_duration(&fragment.audio, &error), ==, cases[i].fits);
        g_assert_cmpint(error.code, ==, cases[i].fits ? DUB_ERROR_NONE : DUB_ERROR_INVALID_AUDIO_FORMAT);
        dub_fragment_data_clear(&fragment);
    }
}

static void test_measures(void)
{
    struct dub_audio audio = {
        .sample_rate_hz = 48000, .channels = 2, .data = g_bytes_new_take(g_malloc0(1920), 1920)};
    g_assert_cmpint((int)dub_audio_frames(&audio), ==, 480);
    g_assert_cmpint((int)dub_audio_measured_ms(&audio), ==, 10);
    audio.format = DUB_FORMAT_M4A;
    g_assert_cmpint((int)dub_audio_frames(&audio), ==, 0);
    g_assert_true(dub_audio_check_duration(&audio, NULL));
    audio.duration_ms = 1200;
    g_assert_true(dub_audio_check_measured(&audio, 1000, NULL));
    g_assert_false(dub_audio_check_measured(&audio, 999, NULL));
    dub_audio_clear(&audio);
    g_assert_cmpint((int)dub_audio_measured_ms(&audio), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/audio/bad-base64-is-refused", test_bad_base64);
    g_test_add_func("/audio/audio-beyond-10-mib-is-too-large", test_too_large);
    g_test_add_func("/audio/audio-problem-keeps-the-address", test_audio_problem_keeps_the_address);
    g_test_add_func("/audio/audio-bytes-survive", test_bytes_survive);
    g_test_add_func("/audio/duration-must-match-the-audio", test_duration);
    g_test_add_func("/audio/audio-measures", test_measures);
    return g_test_run();
}
