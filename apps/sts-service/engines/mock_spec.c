/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mock_spec.h"

#include "problems.h"
#include "settings_file.h"
#include <dubbing_config.h>
#include <dubbing_json.h>
#include <dubbing_text.h>
#include <string.h>

struct reading {
    struct mock_spec *spec;
    GPtrArray *problems;
};

static void read_text(struct reading *reading, const char *value)
{
    g_free(reading->spec->text);
    reading->spec->text = g_strdup(value);
}

static void add_entries(struct reading *reading, const char *path, JsonObject *object)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &node)) {
        const char *text = settings_file_string(node);
        if (text)
            g_hash_table_replace(reading->spec->dict, g_strdup(name), g_strdup(text));
        else
            problems_add(reading->problems, "dict=%s: \"%s\" is no string", path, name);
    }
}

static void read_dict(struct reading *reading, const char *path)
{
    g_autoptr(GError) failure = NULL;
    g_autofree char *content = NULL;
    gsize size = 0;
    struct dub_error error = {0};
    if (!g_file_get_contents(path, &content, &size, &failure)) {
        problems_add(reading->problems, "dict=%s: %s", path, failure->message);
        return;
    }
    g_autoptr(JsonNode) root = size <= MOCK_FILE_MAX_BYTES ? dub_json_parse(content, size, &error) : NULL;
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        problems_add(reading->problems, "dict=%s: no JSON object of strings %s", path, error.message);
        return;
    }
    if (!reading->spec->dict)
        reading->spec->dict = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    add_entries(reading, path, json_node_get_object(root));
}

static void read_fixture(struct reading *reading, const char *path)
{
    if (!g_file_test(path, G_FILE_TEST_IS_DIR)) {
        problems_add(reading->problems, "fixture=%s: no such folder", path);
        return;
    }
    g_free(reading->spec->fixture);
    reading->spec->fixture = g_strdup(path);
}

static void read_language(struct reading *reading, const char *value)
{
    g_autofree char *base = engine_language_base(value);
    if (!base || strlen(base) > 3)
        problems_add(reading->problems, "language=%s: a code such as en is needed", value);
    g_free(reading->spec->language);
    reading->spec->language = g_steal_pointer(&base);
}

static bool read_number(struct reading *reading, const char *key, const char *value, int64_t least,
                        int64_t most, int64_t *number)
{
    guint64 parsed = 0;
    if (g_ascii_string_to_unsigned(value, 10, (guint64)least, (guint64)most, &parsed, NULL)) {
        *number = (int64_t)parsed;
        return true;
    }
    problems_add(reading->problems, "%s=%s: a number from %d to %d is needed", key, value, (int)least,
                 (int)most);
    return false;
}

static void read_tone(struct reading *reading, const char *value)
{
    int64_t hz = 0;
    if (read_number(reading, "tone", value, 20, 8000, &hz))
        reading->spec->tone_hz = (double)hz;
}

static void read_pace(struct reading *reading, const char *value)
{
    int64_t ms = 0;
    if (read_number(reading, "pace", value, 1, 1000, &ms))
        reading->spec->pace_ms = (int)ms;
}

static void read_delay(struct reading *reading, const char *value)
{
    int64_t delay_ns = 0;
    if (!dub_parse_duration(value, &delay_ns) || delay_ns > 600 * DUB_NS_PER_S)
        problems_add(reading->problems, "delay=%s: a duration such as 250ms, up to 10m, is needed", value);
    else
        reading->spec->delay_ns = delay_ns;
}

static void read_fail(struct reading *reading, const char *value)
{
    struct mock_spec *spec = reading->spec;
    const int64_t most = 1000000;
    if (strcmp(value, "always") == 0)
        spec->fail_every = 1;
    else if (strcmp(value, "never") == 0)
        spec->fail_every = 0;
    else if (g_str_has_prefix(value, "every:"))
        read_number(reading, "fail=every", value + strlen("every:"), 1, most, &spec->fail_every);
    else if (g_str_has_prefix(value, "first:"))
        read_number(reading, "fail=first", value + strlen("first:"), 1, most, &spec->fail_first);
    else if (g_str_has_prefix(value, "fragment:"))
        read_number(reading, "fail=fragment", value + strlen("fragment:"), 0, most, &spec->fail_number);
    else
        problems_add(reading->problems, "fail=%s: allowed are always, never, every:N, first:N, fragment:N",
                     value);
}

static void read_error(struct reading *reading, const char *value)
{
    enum dub_error_code code = dub_error_code_from_name(value);
    if (code == DUB_ERROR_CODE_COUNT || code == DUB_ERROR_NONE)
        problems_add(reading->problems, "error=%s: no code of the protocol, such as TIMEOUT or MODEL_ERROR",
                     value);
    else
        reading->spec->code = code;
}

/* key 0: every stage knows it. */
static const struct {
    const char *name;
    unsigned key;
    const char *form;
    void (*read)(struct reading *reading, const char *value);
} keys_known[] = {
    {"text", MOCK_TEXT, "text=TEXT", read_text},
    {"dict", MOCK_DICT, "dict=FILE.json", read_dict},
    {"fixture", MOCK_FIXTURE, "fixture=FOLDER", read_fixture},
    {"language", MOCK_LANGUAGE, "language=CODE", read_language},
    {"tone", MOCK_TONE, "tone=HZ", read_tone},
    {"pace", MOCK_PACE, "pace=MS", read_pace},
    {"delay", 0, "delay=250ms", read_delay},
    {"fail", 0, "fail=always|never|every:N|first:N|fragment:N", read_fail},
    {"error", 0, "error=CODE", read_error},
};

static bool is_known(gsize index, unsigned keys)
{
    return keys_known[index].key == 0 || (keys_known[index].key & keys) != 0;
}

static void read_item(struct reading *reading, const char *item, unsigned keys)
{
    const char *equals = strchr(item, '=');
    gsize length = equals ? (gsize)(equals - item) : strlen(item);
    for (gsize i = 0; equals && i < G_N_ELEMENTS(keys_known); i++) {
        if (!is_known(i, keys) || strlen(keys_known[i].name) != length ||
            strncmp(keys_known[i].name, item, length) != 0)
            continue;
        if (equals[1] != '\0')
            keys_known[i].read(reading, equals + 1);
        else
            problems_add(reading->problems, "%s has no value", keys_known[i].name);
        return;
    }
    problems_add(reading->problems, "\"%.*s\" is not understood", dub_text_cut(item, 60), item);
}

/* Cuts at semicolons; "\;" is one that belongs to a value. */
static GStrv split_items(const char *text)
{
    g_autoptr(GStrvBuilder) items = g_strv_builder_new();
    g_autoptr(GString) item = g_string_new(NULL);
    for (const char *at = text;; at++) {
        if (*at == '\\' && at[1] == ';') {
            g_string_append_c(item, *++at);
        } else if (*at != ';' && *at != '\0') {
            g_string_append_c(item, *at);
        } else {
            g_autofree char *stripped = g_strstrip(g_strdup(item->str));
            if (*stripped != '\0')
                g_strv_builder_add(items, stripped);
            g_string_truncate(item, 0);
        }
        if (*at == '\0')
            return g_strv_builder_end(items);
    }
}

static char *allowed_forms(unsigned keys)
{
    g_autoptr(GStrvBuilder) forms = g_strv_builder_new();
    for (gsize i = 0; i < G_N_ELEMENTS(keys_known); i++)
        if (is_known(i, keys))
            g_strv_builder_add(forms, keys_known[i].form);
    g_auto(GStrv) all = g_strv_builder_end(forms);
    return g_strjoinv("; ", all);
}

static void read_items(struct reading *reading, const char *text, unsigned keys)
{
    if (strlen(text) > MOCK_SPEC_MAX_BYTES || !g_utf8_validate(text, -1, NULL)) {
        problems_add(reading->problems, "longer than %d bytes, or not UTF-8", MOCK_SPEC_MAX_BYTES);
        return;
    }
    g_auto(GStrv) items = split_items(text);
    for (char **item = items; *item; item++)
        read_item(reading, *item, keys);
    if (reading->problems->len > 0) {
        g_autofree char *allowed = allowed_forms(keys);
        problems_add(reading->problems, "allowed, joined by \";\": %s", allowed);
    }
}

static const enum dub_error_code default_codes[DUB_STAGE_COUNT] = {
    [DUB_STAGE_ASR] = DUB_ERROR_ASR_FAILED,
    [DUB_STAGE_TRANSLATION] = DUB_ERROR_TRANSLATION_FAILED,
    [DUB_STAGE_TTS] = DUB_ERROR_TTS_SYNTHESIS_FAILED,
};

bool mock_spec_read(struct mock_spec *spec, const struct engine_config *config, enum dub_stage stage,
                    unsigned keys, struct dub_error *error)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *upper = g_ascii_strup(dub_stage_name(stage), -1);
    g_autofree char *variable = g_strdup_printf("STS_%s_MODEL", upper);
    struct reading reading = {.spec = spec, .problems = problems};
    const char *model = config->model ? config->model : "";
    *spec = (struct mock_spec){
        .text = g_strdup(config->mock_text),
        .delay_ns = config->mock_delay_ns,
        .fail_number = -1,
        .code = default_codes[stage],
        .model = g_strdup(*model != '\0' ? model : "mock"),
    };
    read_items(&reading, model, keys);
    if (problems->len == 0)
        return true;
    mock_spec_clear(spec);
    problems_log(problems, variable);
    return problems_report(problems, variable, error);
}

void mock_spec_clear(struct mock_spec *spec)
{
    g_clear_pointer(&spec->dict, g_hash_table_unref);
    g_clear_pointer(&spec->text, g_free);
    g_clear_pointer(&spec->fixture, g_free);
    g_clear_pointer(&spec->language, g_free);
    g_clear_pointer(&spec->model, g_free);
}

static bool is_to_fail(const struct mock_spec *spec, int64_t call_number, int64_t fragment)
{
    return (spec->fail_every > 0 && call_number % spec->fail_every == 0) || call_number <= spec->fail_first ||
           fragment == spec->fail_number;
}

bool mock_spec_play(struct mock_spec *spec, const struct engine_call *call, enum dub_stage stage,
                    struct dub_error *error)
{
    if (call->fragment == ENGINE_CALL_WARM_UP)
        return true;
    int64_t call_number = g_atomic_int_add(&spec->calls, 1) + 1;
    if (!engine_call_sleep(call, spec->delay_ns, stage, error))
        return false;
    if (!is_to_fail(spec, call_number, call->fragment))
        return true;
    return dub_error_set_stage(error, spec->code, stage, "the mock was told to fail call %d (fragment %d)",
                               (int)call_number, (int)call->fragment);
}

char *mock_spec_fixture(const struct mock_spec *spec, const struct engine_call *call, const char *extension)
{
    g_autofree char *name = g_strdup_printf("%d.%s", (int)MAX(call->fragment, 0), extension);
    g_autofree char *path = g_build_filename(spec->fixture, name, NULL);
    bool is_file = g_file_test(path, G_FILE_TEST_EXISTS) && !g_file_test(path, G_FILE_TEST_IS_DIR);
    return is_file ? g_steal_pointer(&path) : NULL;
}
