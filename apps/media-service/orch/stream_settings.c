/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream_settings.h"

#include "../egress/dest_url.h"

#include <dubbing_clock.h>
#include <dubbing_config.h>
#include <dubbing_file.h>
#include <dubbing_log.h>
#include <string.h>

#define VALUE_MAX_BYTES 256
#define QUERY_MAX_PARTS 64
#define FILE_MAX_BYTES (64 * 1024)

/* Strict enough that no value that passes makes a worker refuse to start. */
struct rule {
    const char *query; /* NULL: not from a publisher */
    const char *json;  /* NULL: not from the API */
    const char *variable;
    bool (*is_valid)(const char *value, const struct rule *rule);
    const char *allowed; /* for messages */
    const char *const *choices;
    int64_t min, max; /* ns of a duration, or plain numbers */
};

/* BCP 47 in its simple forms: "es", "pt-BR", "zh-Hans". */
static bool is_language(const char *value, const struct rule *rule)
{
    size_t first = 0;
    while (g_ascii_isalpha(value[first]))
        first++;
    if (first < 2 || first > 3 || strlen(value) > 35)
        return false;
    for (const char *c = value + first; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c) && (*c != '-' || c[1] == '\0' || c[1] == '-'))
            return false;
    return true;
}

static bool is_name(const char *value, const struct rule *rule)
{
    for (const char *c = value; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c) && strchr("-_.:+", *c) == NULL)
            return false;
    return *value != '\0' && strlen(value) <= 64;
}

static bool is_choice(const char *value, const struct rule *rule)
{
    return g_strv_contains(rule->choices, value) != FALSE;
}

static bool is_duration(const char *value, const struct rule *rule)
{
    int64_t ns;
    return dub_parse_duration(value, &ns) && ns >= rule->min && ns <= rule->max;
}

static bool is_number(const char *value, const struct rule *rule)
{
    return g_ascii_string_to_signed(value, 10, rule->min, rule->max, NULL, NULL) != FALSE;
}

static bool is_http_url(const char *value, const struct rule *rule)
{
    return (g_str_has_prefix(value, "http://") || g_str_has_prefix(value, "https://")) &&
           g_uri_is_valid(value, G_URI_FLAGS_NONE, NULL);
}

static bool is_secret(const char *value, const struct rule *rule)
{
    return true;
}

/* A secret too: it ends in a stream key. */
static bool is_destination(const char *value, const struct rule *rule)
{
    struct dub_error error;
    return egress_dest_check(value, &error);
}

static bool hides_value(const struct rule *rule)
{
    return rule->is_valid == is_secret || rule->is_valid == is_destination;
}

static const char *const presets[] = {"none", "low", "balanced", "quality", NULL};
static const char *const mix_modes[] = {"duck", "replace", "background", NULL};
static const char *const fallbacks[] = {"passthrough", "ducked", "background", "silence", NULL};
static const char *const sts_modes[] = {"enabled", "passthrough", "disabled", NULL};
static const char *const fragmenters[] = {"vad", "fixed", NULL};
static const char *const switches[] = {"true", "false", NULL};

#define S DUB_NS_PER_S
/* query, json, variable, check, allowed, choices, min, max */
static const struct rule rules[] = {
    {"lang", "targetLang", "WORKER_TARGET_LANG", is_language, "a language such as es or pt-BR"},
    {"src", "sourceLang", "WORKER_SOURCE_LANG", is_language, "a language such as en or pt-BR"},
    {"voice", "voice", "WORKER_TTS_VOICE", is_name, "up to 64 letters, digits and -_.:+"},
    {"latency", "latency", "WORKER_LATENCY", is_duration, "2s to 30s", NULL, 2 * S, 30 * S},
    {"preset", "preset", "WORKER_PRESET", is_choice, "none, low, balanced or quality", presets},
    {"maxlag", "maxLag", "WORKER_MAX_LAG", is_duration, "0s to 10s", NULL, 0, 10 * S},
    {"mix", "mixMode", "WORKER_MIX_MODE", is_choice, "duck, replace or background", mix_modes},
    {"fallback", "fallback", "WORKER_FALLBACK", is_choice, "passthrough, ducked, background or silence",
     fallbacks},
    {"mode", "stsMode", "WORKER_STS_MODE", is_choice, "enabled, passthrough or disabled", sts_modes},
    {"fragmenter", "fragmenter", "WORKER_FRAGMENTER", is_choice, "vad or fixed", fragmenters},
    {NULL, "segmentDuration", "WORKER_SEGMENT_DURATION", is_duration, "1s to 30s", NULL, S, 30 * S},
    {NULL, "maxInflight", "WORKER_MAX_INFLIGHT", is_number, "1 to 10", NULL, 1, 10},
    {NULL, "stsTimeoutMs", "WORKER_STS_TIMEOUT_MS", is_number, "1000 to 30000", NULL, 1000, 30000},
    {NULL, NULL, "WORKER_STS_SERVICE_URL", is_http_url, "an http:// or https:// URL"},
    {NULL, NULL, "WORKER_STS_API_KEY", is_secret, "a text"},
    {"egress", "egress", STREAM_EGRESS_DEST_URL, is_destination, EGRESS_DEST_ALLOWED},
    {NULL, NULL, STREAM_EGRESS_ENABLED, is_choice, "true or false", switches},
};
#undef S

/* How a rule is called in one of the three sources. */
typedef const char *(*rule_name)(const struct rule *rule);

static const char *query_name(const struct rule *rule)
{
    return rule->query;
}

static const char *variable_name(const struct rule *rule)
{
    return rule->variable;
}

static const struct rule *find_rule(rule_name name_of, const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++)
        if (g_strcmp0(name_of(&rules[i]), name) == 0)
            return &rules[i];
    return NULL;
}

static bool is_acceptable(const struct rule *rule, const char *value)
{
    size_t longest = rule->is_valid == is_destination ? EGRESS_DEST_MAX_BYTES : VALUE_MAX_BYTES;
    return strlen(value) <= longest && g_utf8_validate(value, -1, NULL) && strpbrk(value, "\r\n") == NULL &&
           rule->is_valid(value, rule);
}

static void set_value(struct stream_settings *settings, const struct rule *rule, const char *value)
{
    g_hash_table_insert(settings->values, g_strdup(rule->variable), g_strdup(value));
}

/* For the sources where nobody waits for an answer. */
static void set_or_log(struct stream_settings *settings, rule_name name_of, const char *name,
                       const char *value, const char *source, const char *stream_id)
{
    struct dub_log_context context = {.stream_id = stream_id};
    const struct rule *rule = find_rule(name_of, name);
    if (rule == NULL)
        dub_log(DUB_LOG_INFO, &context, "%s: \"%.64s\" is not a setting of a stream and is ignored", source,
                name);
    else if (!is_acceptable(rule, value))
        dub_log(DUB_LOG_WARN, &context, "%s: \"%.64s\" for %s is ignored: allowed is %s", source,
                hides_value(rule) ? "***" : value, name, rule->allowed);
    else
        set_value(settings, rule, value);
}

void stream_settings_check_environment(GPtrArray *problems)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        const struct rule *rule = &rules[i];
        const char *value = g_getenv(rule->variable);
        /* A voice of the defaults may have any name that the speech service knows. */
        bool is_ours = g_str_has_prefix(rule->variable, "WORKER_") && rule->is_valid != is_name;
        if (is_ours && value != NULL && *value != '\0' && !is_acceptable(rule, value))
            g_ptr_array_add(problems, g_strdup_printf("%s is \"%.64s\": the workers take %s", rule->variable,
                                                      hides_value(rule) ? "***" : value, rule->allowed));
    }
}

void stream_settings_init(struct stream_settings *settings)
{
    settings->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void stream_settings_clear(struct stream_settings *settings)
{
    g_clear_pointer(&settings->values, g_hash_table_unref);
}

/* The decoded text; whatever bytes it held, it can be compared and logged. NULL when it hides a NUL. */
static char *decode(const char *text)
{
    g_autofree char *decoded = g_uri_unescape_string(text, NULL);
    return decoded != NULL ? g_utf8_make_valid(decoded, -1) : NULL;
}

static void read_query_part(struct stream_settings *settings, const char *part, const char *stream_id)
{
    const char *equals = strchr(part, '=');
    if (equals == NULL)
        return;
    g_autofree char *encoded_name = g_strndup(part, (gsize)(equals - part));
    g_autofree char *name = decode(encoded_name);
    g_autofree char *value = decode(equals + 1);
    /* user and pass are the router's, and no business of the log. */
    if (name == NULL || value == NULL || strcmp(name, "user") == 0 || strcmp(name, "pass") == 0)
        return;
    set_or_log(settings, query_name, name, value, "publish query", stream_id);
}

void stream_settings_read_query(struct stream_settings *settings, const char *query, const char *stream_id)
{
    if (query == NULL)
        return;
    const char *start = *query == '?' ? query + 1 : query;
    /* The router may have encoded the query as a whole: then there is no "=" left in it. */
    g_autofree char *whole = strchr(start, '=') == NULL ? decode(start) : g_strdup(start);
    g_auto(GStrv) parts = g_strsplit(whole != NULL ? whole : "", "&", QUERY_MAX_PARTS);
    for (char **part = parts; *part != NULL; part++)
        read_query_part(settings, *part, stream_id);
}

static void strip_quotes(char *value)
{
    size_t length = strlen(value);
    if (length < 2 || (*value != '"' && *value != '\'') || value[length - 1] != *value)
        return;
    value[length - 1] = '\0';
    memmove(value, value + 1, length - 1);
}

static void read_file_line(struct stream_settings *settings, char *line, const char *path,
                           const char *stream_id)
{
    char *name = g_strstrip(line);
    if (*name == '\0' || *name == '#')
        return;
    char *equals = strchr(name, '=');
    if (equals == NULL) {
        dub_log(DUB_LOG_WARN, &(struct dub_log_context){.stream_id = stream_id},
                "%s: a line without \"=\" is ignored", path);
        return;
    }
    *equals = '\0';
    char *value = g_strstrip(equals + 1);
    strip_quotes(value);
    set_or_log(settings, variable_name, g_strchomp(name), value, path, stream_id);
}

void stream_settings_read_file(struct stream_settings *settings, const char *directory, const char *stream_id)
{
    g_autofree char *path = g_strdup_printf("%s/%s.env", directory, stream_id);
    struct dub_log_context context = {.stream_id = stream_id};
    gsize size = 0;
    struct dub_error error = {0};
    g_autofree char *text = dub_file_read_text(path, FILE_MAX_BYTES, &size, &error);
    if (text == NULL) {
        if (error.code != DUB_ERROR_NOT_FOUND)
            dub_log(DUB_LOG_WARN, &context, "settings of the stream are ignored: %s", error.message);
        return;
    }
    if (!g_utf8_validate_len(text, size, NULL)) {
        dub_log(DUB_LOG_WARN, &context, "%s is ignored: it is not UTF-8 text", path);
        return;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        read_file_line(settings, *line, path, stream_id);
}

/* A text or a whole number as text; NULL for anything else. */
static char *text_of_node(JsonNode *node)
{
    if (!JSON_NODE_HOLDS_VALUE(node))
        return NULL;
    if (json_node_get_value_type(node) == G_TYPE_STRING)
        return json_node_dup_string(node);
    if (json_node_get_value_type(node) == G_TYPE_INT64)
        return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    return NULL;
}

bool stream_settings_read_json(struct stream_settings *settings, JsonObject *object, struct dub_error *error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        const char *name = rules[i].json;
        JsonNode *node = name != NULL ? json_object_get_member(object, name) : NULL;
        if (node == NULL || JSON_NODE_HOLDS_NULL(node))
            continue;
        g_autofree char *value = text_of_node(node);
        if (value == NULL || !is_acceptable(&rules[i], value))
            return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "%s: allowed is %s", name,
                                 rules[i].allowed);
        set_value(settings, &rules[i], value);
    }
    return true;
}

JsonObject *stream_settings_to_json(const struct stream_settings *settings)
{
    JsonObject *object = json_object_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        const char *value = stream_settings_get(settings, rules[i].variable);
        if (rules[i].json != NULL && value != NULL && !hides_value(&rules[i]))
            json_object_set_string_member(object, rules[i].json, value);
    }
    return object;
}

const char *stream_settings_get(const struct stream_settings *settings, const char *variable)
{
    return g_hash_table_lookup(settings->values, variable);
}

void stream_settings_set_egress(struct stream_settings *settings, const char *dest_url)
{
    g_hash_table_remove(settings->values, STREAM_EGRESS_DEST_URL);
    if (dest_url != NULL)
        g_hash_table_insert(settings->values, g_strdup(STREAM_EGRESS_DEST_URL), g_strdup(dest_url));
    g_hash_table_insert(settings->values, g_strdup(STREAM_EGRESS_ENABLED),
                        g_strdup(dest_url != NULL ? "true" : "false"));
}

void stream_settings_add_environment(const struct stream_settings *settings, GPtrArray *environment)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        const char *value = stream_settings_get(settings, rules[i].variable);
        if (value != NULL && g_str_has_prefix(rules[i].variable, "WORKER_"))
            g_ptr_array_add(environment, g_strdup_printf("%s=%s", rules[i].variable, value));
    }
}
