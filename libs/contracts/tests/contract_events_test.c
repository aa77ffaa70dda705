/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is particular to single events: audio, limits, errors, simulation rules, names. */
#include <dubbing_events.h>
#include <dubbing_json.h>
#include <dubbing_rest.h>
#include <dubbing_worker_control.h>
#include <string.h>

#define UUID "0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e77"

static JsonNode *parse(const char *text)
{
    struct dub_error error = {0};
    JsonNode *node = dub_json_parse(text, strlen(text), &error);
    g_assert_cmpstr(error.message, ==, "");
    return node;
}

/* A fragment with this many bytes of audio at 24 kHz mono. */
static void fill_fragment(struct dub_fragment_data *fragment, gsize bytes, int64_t duration_ms)
{
    dub_fragment_data_init(fragment);
    fragment->fragment_id = g_strdup(UUID);
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
    g_assert_cmpstr(read.fragment_id, ==, UUID);
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
    expect_audio_problem("sample_rate_hz", parse("7"), DUB_ERROR_INVALID_AUDIO_FORMAT,
                         "audio.sample_rate_hz: is 7, allowed is 8000 to 96000");
    expect_audio_problem("channels", parse("3"), DUB_ERROR_INVALID_AUDIO_FORMAT, "audio.channels");
    expect_audio_problem("duration_ms", parse("60001"), DUB_ERROR_INVALID_AUDIO_FORMAT, "audio.duration_ms");
    expect_audio_problem("duration_ms", parse("\"1\""), DUB_ERROR_INVALID_AUDIO_FORMAT, "audio.duration_ms");
}

static void test_bad_address_is_not_addressed(void)
{
    static const struct {
        const char *member, *value;
    } cases[] = {
        {"fragment_id", "\"1\""},     {"fragment_id", "\"0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e7g\""},
        {"stream_id", "\"a b\""},     {"stream_id", "\"\""},
        {"sequence_number", "-1"},    {"sequence_number", "2147483648"},
        {"sequence_number", "\"0\""}, {"sequence_number", "0.5"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_fragment_data read;
        struct dub_error error = {0};
        g_assert_false(read_changed(cases[i].member, parse(cases[i].value), false, &read, &error));
        g_assert_false(read.addressed);
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_nonnull(strstr(error.message, cases[i].member));
        dub_fragment_data_clear(&read);
    }
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
        {96000, 1599, false}, {480, 30, true},     {480, 31, false},     {0, 0, true},
        {0, 21, false},       {97, 2, false},
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
    dub_audio_clear(&audio);
    g_assert_cmpint((int)dub_audio_measured_ms(&audio), ==, 0);
}

static void test_init_defaults(void)
{
    g_autoptr(JsonNode) node =
        parse("{\"stream_id\":\"a\",\"worker_id\":\"b\",\"config\":"
              "{\"source_language\":\"en\",\"target_language\":\"pt-BR\",\"channels\":null}}");
    struct dub_stream_init init;
    struct dub_error error = {0};
    g_assert_true(dub_stream_init_read(&init, node, &error));
    g_assert_cmpstr(init.config.voice_profile, ==, "default");
    g_assert_cmpint(init.config.sample_rate_hz, ==, DUB_SAMPLE_RATE_HZ_DEFAULT);
    g_assert_cmpint(init.config.channels, ==, 1);
    g_assert_cmpint(init.max_inflight, ==, 3);
    g_assert_cmpint(init.timeout_ms, ==, 8000);
    g_assert_null(init.config.domain_hints);
    dub_stream_init_clear(&init);
}

static bool init_with_language(const char *language, struct dub_error *error)
{
    g_autofree char *text = g_strdup_printf("{\"stream_id\":\"a\",\"worker_id\":\"b\",\"config\":"
                                            "{\"source_language\":\"%s\",\"target_language\":\"es\"}}",
                                            language);
    g_autoptr(JsonNode) node = parse(text);
    struct dub_stream_init init;
    bool ok = dub_stream_init_read(&init, node, error);
    dub_stream_init_clear(&init);
    return ok;
}

static void test_languages(void)
{
    static const char *const good[] = {"en", "spa", "pt-BR", "zh-Hant-TW", "es-419"};
    static const char *const bad[] = {"",    "e",   "-en",        "en-", "en--US",     "12",
                                      "e1n", "en_", "englisches", "en ", "../etc/pwd", "en-toolongpart"};
    struct dub_error error = {0};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(init_with_language(good[i], &error));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(init_with_language(bad[i], &error));
        g_assert_nonnull(strstr(error.message, "config.source_language"));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    }
}

static bool init_with_hints(JsonArray *take_hints, struct dub_error *error)
{
    struct dub_stream_init init;
    dub_stream_init_init(&init);
    init.stream_id = g_strdup("a");
    init.worker_id = g_strdup("b");
    init.config.source_language = g_strdup("en");
    init.config.target_language = g_strdup("es");
    g_autoptr(JsonNode) node = dub_stream_init_to_json(&init);
    dub_stream_init_clear(&init);
    json_object_set_array_member(json_object_get_object_member(json_node_get_object(node), "config"),
                                 "domain_hints", take_hints);
    bool ok = dub_stream_init_read(&init, node, error);
    dub_stream_init_clear(&init);
    return ok;
}

static void test_domain_hints_are_bounded(void)
{
    JsonArray *many = json_array_new();
    for (int i = 0; i <= DUB_DOMAIN_HINTS_MAX; i++)
        json_array_add_string_element(many, "goal");
    JsonArray *numbers = json_array_new();
    json_array_add_int_element(numbers, 1);
    JsonArray *longish = json_array_new();
    g_autofree char *word = g_strnfill(DUB_DOMAIN_HINT_BYTES_MAX + 1, 'w');
    json_array_add_string_element(longish, word);
    struct dub_error error = {0};
    g_assert_false(init_with_hints(many, &error));
    g_assert_cmpstr(error.message, ==, "config.domain_hints: has 65 entries, at most 64 are allowed");
    g_assert_false(init_with_hints(numbers, &error));
    g_assert_false(init_with_hints(longish, &error));
    g_assert_true(init_with_hints(json_array_new(), &error));
}

static void test_unknown_error_code_keeps_the_message(void)
{
    g_autoptr(JsonNode) node =
        parse("{\"fragment_id\":\"" UUID "\",\"stream_id\":\"a\",\"sequence_number\":1,"
              "\"status\":\"failed\",\"processing_time_ms\":12.7,\"error\":"
              "{\"code\":\"OF_THE_FUTURE\",\"stage\":\"lipsync\",\"message\":\"m\","
              "\"retryable\":true}}");
    struct dub_fragment_processed processed;
    struct dub_error error = {0};
    g_assert_true(dub_fragment_processed_read(&processed, node, &error));
    g_assert_cmpint(processed.error.code, ==, DUB_ERROR_INTERNAL);
    g_assert_cmpint(processed.error.stage, ==, DUB_STAGE_NONE);
    g_assert_true(processed.error.retryable);
    g_assert_cmpstr(processed.error.message, ==, "m");
    g_assert_cmpint((int)processed.processing_time_ms, ==, 13);
    g_assert_null(processed.dubbed_audio.data);
    dub_fragment_processed_clear(&processed);
}

static void test_status_says_what_is_required(void)
{
    static const struct {
        const char *status, *missing;
    } cases[] = {{"failed", "error"}, {"success", "dubbed_audio"}, {"partial", "dubbed_audio"}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("{\"fragment_id\":\"" UUID "\",\"stream_id\":\"a\","
                                                "\"sequence_number\":1,\"status\":\"%s\"}",
                                                cases[i].status);
        g_autoptr(JsonNode) node = parse(text);
        struct dub_fragment_processed processed;
        struct dub_error error = {0};
        g_assert_false(dub_fragment_processed_read(&processed, node, &error));
        g_assert_true(g_str_has_prefix(error.message, cases[i].missing));
        dub_fragment_processed_clear(&processed);
    }
}

static void test_counts_have_two_places(void)
{
    struct dub_stream_complete complete = {
        .stream_id = g_strdup("a"), .total_fragments = 2, .failed_count = 1};
    complete.errors_by_code[DUB_ERROR_TIMEOUT] = 1;
    complete.errors_by_stage[DUB_STAGE_TTS] = 1;
    g_autoptr(JsonNode) node = dub_stream_complete_to_json(&complete);
    JsonObject *object = json_node_get_object(node);
    JsonObject *inner = json_object_get_object_member(object, "statistics");
    g_assert_cmpint((int)json_object_get_int_member(object, "total_fragments"), ==, 2);
    g_assert_cmpint((int)json_object_get_int_member(inner, "failed_count"), ==, 1);
    JsonObject *breakdown = json_object_get_object_member(inner, "error_breakdown");
    g_assert_cmpint(
        (int)json_object_get_int_member(json_object_get_object_member(breakdown, "by_code"), "TIMEOUT"), ==,
        1);
    dub_stream_complete_clear(&complete);
}

static void expect_rule_problem(const char *rule, const char *says)
{
    g_autofree char *text = g_strdup_printf("{\"enabled\":true,\"rules\":[%s]}", rule);
    g_autoptr(JsonNode) node = parse(text);
    struct dub_error_simulation simulation;
    struct dub_error error = {0};
    g_assert_false(dub_error_simulation_read(&simulation, node, &error));
    g_test_message("%s", error.message);
    g_assert_nonnull(strstr(error.message, says));
    dub_error_simulation_clear(&simulation);
}

static void test_bad_rules(void)
{
    expect_rule_problem("1", "rules");
    expect_rule_problem("{\"trigger\":\"moon\"}", "rules[0].trigger");
    expect_rule_problem("{\"trigger\":\"nth_fragment\",\"value\":0,\"error_code\":\"TIMEOUT\"}",
                        "rules[0].value");
    expect_rule_problem("{\"trigger\":\"fragment_id\",\"value\":0,\"error_code\":\"TIMEOUT\"}",
                        "rules[0].value");
    expect_rule_problem("{\"trigger\":\"sequence_number\",\"value\":0,\"error_code\":\"NO\"}", "error_code");
    expect_rule_problem(
        "{\"trigger\":\"sequence_number\",\"value\":0,\"error_code\":\"TIMEOUT\",\"stage\":\"x\"}",
        "rules[0].stage");
    g_autoptr(GString) many = g_string_new("{}");
    for (int i = 0; i < DUB_SIMULATION_RULES_MAX; i++)
        g_string_append(many, ",{}");
    expect_rule_problem(many->str, "has 101 entries");
}

static void test_counts_are_bounded(void)
{
    struct dub_counts counts = {0};
    for (int i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("kind-%d", i);
        dub_counts_add(&counts, name, 1);
    }
    g_assert_cmpuint(counts.n_items, ==, DUB_CONTROL_MAP_MAX);
    g_assert_cmpint((int)dub_counts_get(&counts, "kind-3"), ==, 1);
    g_assert_cmpint((int)dub_counts_get(&counts, "other"), ==, 1000 - (DUB_CONTROL_MAP_MAX - 1));
    g_assert_cmpint((int)dub_counts_get(&counts, "kind-999"), ==, 0);
    dub_counts_clear(&counts);
}

static void test_message_types(void)
{
    static const struct {
        const char *text;
        enum dub_worker_message_type type;
    } cases[] = {
        {"{\"type\":\"hello\"}", DUB_WORKER_MESSAGE_HELLO},
        {"{\"type\":\"status\"}", DUB_WORKER_MESSAGE_STATUS},
        {"{\"type\":\"phrase\"}", DUB_WORKER_MESSAGE_PHRASE},
        {"{\"type\":\"new\"}", DUB_WORKER_MESSAGE_UNKNOWN},
        {"{\"type\":1}", DUB_WORKER_MESSAGE_UNKNOWN},
        {"[]", DUB_WORKER_MESSAGE_UNKNOWN},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = parse(cases[i].text);
        g_assert_cmpint(dub_worker_message_type(node), ==, cases[i].type);
    }
}

static void test_ledger_ends_after_it_starts(void)
{
    g_autoptr(JsonNode) node = parse("{\"seq\":1,\"startMs\":10,\"endMs\":9,\"state\":\"dropped\"}");
    struct dub_ledger_line line;
    struct dub_error error = {0};
    g_assert_false(dub_ledger_line_read(&line, node, &error));
    g_assert_nonnull(strstr(error.message, "endMs"));
    dub_ledger_line_clear(&line);
}

static void test_rest_error(void)
{
    struct dub_error error;
    dub_error_set_stage(&error, DUB_ERROR_TIMEOUT, DUB_STAGE_ASR, "late");
    g_autoptr(JsonNode) node = dub_process_error_to_json(UUID, &error);
    g_autofree char *text = dub_json_to_string(node);
    g_assert_cmpstr(text, ==,
                    "{\"fragment_id\":\"" UUID "\",\"status\":\"error\",\"error\":{\"stage\":\"asr\","
                    "\"code\":\"TIMEOUT\",\"message\":\"late\",\"retryable\":true}}");
    for (int code = 0; code < DUB_ERROR_CODE_COUNT; code++) {
        unsigned status = dub_process_error_status((enum dub_error_code)code);
        g_assert_true(status >= 400 && status < 600);
    }
    g_assert_cmpuint(dub_process_error_status(DUB_ERROR_FRAGMENT_TOO_LARGE), ==, 413);
    g_assert_cmpuint(dub_process_error_status(DUB_ERROR_QUEUE_FULL), ==, 503);
}

static void test_names(void)
{
    for (int i = 0; i < DUB_ACTION_COUNT; i++) {
        enum dub_pressure_action action = (enum dub_pressure_action)i;
        g_assert_cmpint(dub_pressure_action_from_name(dub_pressure_action_name(action)), ==, i);
    }
    g_assert_cmpint(dub_audio_format_from_name("mp3"), ==, DUB_FORMAT_COUNT);
    g_assert_cmpint(dub_audio_format_from_name(NULL), ==, DUB_FORMAT_COUNT);
    g_assert_cmpstr(dub_audio_format_name(DUB_FORMAT_COUNT), ==, "");
    g_assert_cmpstr(dub_phrase_state_name(DUB_PHRASE_DROPPED), ==, "dropped");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/events/bad-base64-is-refused", test_bad_base64);
    g_test_add_func("/events/audio-beyond-10-mib-is-too-large", test_too_large);
    g_test_add_func("/events/audio-problem-keeps-the-address", test_audio_problem_keeps_the_address);
    g_test_add_func("/events/bad-address-is-not-addressed", test_bad_address_is_not_addressed);
    g_test_add_func("/events/audio-bytes-survive", test_bytes_survive);
    g_test_add_func("/events/duration-must-match-the-audio", test_duration);
    g_test_add_func("/events/audio-measures", test_measures);
    g_test_add_func("/events/init-has-defaults", test_init_defaults);
    g_test_add_func("/events/language-tags", test_languages);
    g_test_add_func("/events/domain-hints-are-bounded", test_domain_hints_are_bounded);
    g_test_add_func("/events/unknown-error-code-keeps-the-message",
                    test_unknown_error_code_keeps_the_message);
    g_test_add_func("/events/status-says-what-is-required", test_status_says_what_is_required);
    g_test_add_func("/events/complete-has-the-counts-twice", test_counts_have_two_places);
    g_test_add_func("/events/bad-simulation-rules-are-named", test_bad_rules);
    g_test_add_func("/control/counts-are-bounded", test_counts_are_bounded);
    g_test_add_func("/control/message-types", test_message_types);
    g_test_add_func("/ledger/ends-after-it-starts", test_ledger_ends_after_it_starts);
    g_test_add_func("/rest/errors", test_rest_error);
    g_test_add_func("/events/names", test_names);
    return g_test_run();
}
