/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_keys.h"

#include <dubbing_clock.h>
#include <dubbing_config.h>
#include <string.h>

#define MAX_DURATION_NS (INT64_C(365) * 24 * 3600 * DUB_NS_PER_S)

enum key_type { KEY_TEXT, KEY_ADDRESS, KEY_SWITCH, KEY_TIMEOUT, KEY_COUNT, KEY_SOURCE, KEY_ENCRYPTION };

struct config_key {
    const char *name;
    enum key_type type;
    size_t offset;
    int64_t min, max; /* of KEY_COUNT */
};

#define GLOBAL(field) offsetof(struct router_config, field)
#define PATH(field) offsetof(struct path_config, field)

static const struct config_key global_keys[] = {
    {"rtmp", KEY_SWITCH, GLOBAL(rtmp), 0, 0},
    {"rtmpAddress", KEY_ADDRESS, GLOBAL(rtmp_address), 0, 0},
    {"rtmpEncryption", KEY_ENCRYPTION, GLOBAL(rtmp_encryption), 0, 0},
    {"rtmpsAddress", KEY_ADDRESS, GLOBAL(rtmps_address), 0, 0},
    {"rtmpServerKey", KEY_TEXT, GLOBAL(rtmp_server_key), 0, 0},
    {"rtmpServerCert", KEY_TEXT, GLOBAL(rtmp_server_cert), 0, 0},
    {"rtsp", KEY_SWITCH, GLOBAL(rtsp), 0, 0},
    {"rtspAddress", KEY_ADDRESS, GLOBAL(rtsp_address), 0, 0},
    {"rtspEncryption", KEY_ENCRYPTION, GLOBAL(rtsp_encryption), 0, 0},
    {"rtspsAddress", KEY_ADDRESS, GLOBAL(rtsps_address), 0, 0},
    {"rtspServerKey", KEY_TEXT, GLOBAL(rtsp_server_key), 0, 0},
    {"rtspServerCert", KEY_TEXT, GLOBAL(rtsp_server_cert), 0, 0},
    {"api", KEY_SWITCH, GLOBAL(api), 0, 0},
    {"apiAddress", KEY_ADDRESS, GLOBAL(api_address), 0, 0},
    {"apiEncryption", KEY_SWITCH, GLOBAL(api_encryption), 0, 0},
    {"apiServerKey", KEY_TEXT, GLOBAL(api_server_key), 0, 0},
    {"apiServerCert", KEY_TEXT, GLOBAL(api_server_cert), 0, 0},
    {"metrics", KEY_SWITCH, GLOBAL(metrics), 0, 0},
    {"metricsAddress", KEY_ADDRESS, GLOBAL(metrics_address), 0, 0},
    {"metricsEncryption", KEY_SWITCH, GLOBAL(metrics_encryption), 0, 0},
    {"metricsServerKey", KEY_TEXT, GLOBAL(metrics_server_key), 0, 0},
    {"metricsServerCert", KEY_TEXT, GLOBAL(metrics_server_cert), 0, 0},
    {"readTimeout", KEY_TIMEOUT, GLOBAL(read_timeout_ns), 0, 0},
    {"writeTimeout", KEY_TIMEOUT, GLOBAL(write_timeout_ns), 0, 0},
    {"writeQueueSize", KEY_COUNT, GLOBAL(write_queue_messages), 1, 1 << 16},
    {NULL},
};

/* MediaMTX renamed its ready hooks in 1.20; both names are one thing. */
static const struct config_key path_keys[] = {
    {"source", KEY_SOURCE, 0, 0, 0},
    {"overridePublisher", KEY_SWITCH, PATH(override_publisher), 0, 0},
    {"maxReaders", KEY_COUNT, PATH(max_readers), 0, INT32_MAX},
    {"runOnReady", KEY_TEXT, PATH(run_on_ready), 0, 0},
    {"runOnAvailable", KEY_TEXT, PATH(run_on_ready), 0, 0},
    {"runOnReadyRestart", KEY_SWITCH, PATH(run_on_ready_restart), 0, 0},
    {"runOnAvailableRestart", KEY_SWITCH, PATH(run_on_ready_restart), 0, 0},
    {"runOnNotReady", KEY_TEXT, PATH(run_on_not_ready), 0, 0},
    {"runOnUnavailable", KEY_TEXT, PATH(run_on_not_ready), 0, 0},
    {NULL},
};

static const struct config_key *find(const struct config_key *keys, const char *name,
                                     int (*compare)(const char *a, const char *b))
{
    for (const struct config_key *key = keys; key->name != NULL; key++)
        if (compare(key->name, name) == 0)
            return key;
    return NULL;
}

/* Environment names are upper case; a name in another case is somebody else's. */
static int compare_upper(const char *name, const char *upper)
{
    g_autofree char *text = g_ascii_strup(name, -1);
    return strcmp(text, upper);
}

const struct config_key *config_key_find_global(const char *name)
{
    return find(global_keys, name, strcmp);
}

const struct config_key *config_key_find_path(const char *name)
{
    return find(path_keys, name, strcmp);
}

const struct config_key *config_key_find_global_env(const char *name)
{
    return find(global_keys, name, compare_upper);
}

const struct config_key *config_key_find_path_env(const char *name)
{
    return find(path_keys, name, compare_upper);
}

static bool set_text(void *target, const char *value)
{
    char **text = target;
    g_free(*text);
    *text = g_strdup(value);
    return true;
}

static bool set_address(void *target, const char *value)
{
    g_autofree char *host = NULL;
    uint16_t port;
    return dub_parse_address(value, &host, &port) && set_text(target, value);
}

static bool set_switch(void *target, const char *value)
{
    static const char *const yes[] = {"yes", "true", "on", NULL};
    static const char *const no[] = {"no", "false", "off", NULL};
    g_autofree char *lower = g_ascii_strdown(value, -1);
    bool *flag = target;
    *flag = g_strv_contains(yes, lower);
    return *flag || g_strv_contains(no, lower);
}

/* "1m30s", "1d": one of our durations after the other, and days, as MediaMTX writes them. */
static bool parse_go_duration(const char *value, int64_t *duration_ns)
{
    int64_t sum_ns = 0;
    do {
        size_t digits = strspn(value, "0123456789.");
        size_t length = digits + strspn(value + digits, "dhms");
        g_autofree char *part = g_strndup(value, length);
        bool is_days = length > 1 && part[length - 1] == 'd';
        int64_t part_ns = 0;
        if (is_days)
            part[length - 1] = 'h';
        if (length == digits || !dub_parse_duration(part, &part_ns) || part_ns > MAX_DURATION_NS)
            return false;
        sum_ns += is_days ? 24 * part_ns : part_ns;
        value += length;
    } while (*value != '\0' && sum_ns <= MAX_DURATION_NS);
    *duration_ns = sum_ns;
    return sum_ns <= MAX_DURATION_NS;
}

/* MediaMTX's YAML says yes and no for the two ends, too. */
static bool set_encryption(void *target, const char *value)
{
    enum router_encryption *encryption = target;
    bool is_on = false;
    if (strcmp(value, "optional") == 0)
        *encryption = ROUTER_ENCRYPTION_OPTIONAL;
    else if (strcmp(value, "strict") == 0)
        *encryption = ROUTER_ENCRYPTION_STRICT;
    else if (set_switch(&is_on, value))
        *encryption = is_on ? ROUTER_ENCRYPTION_STRICT : ROUTER_ENCRYPTION_NO;
    else
        return false;
    return true;
}

static bool set_timeout(void *target, const char *value)
{
    int64_t *timeout_ns = target;
    return parse_go_duration(value, timeout_ns) && *timeout_ns > 0;
}

static bool set_count(void *target, const char *value, int64_t min, int64_t max)
{
    return g_ascii_string_to_signed(value, 10, min, max, target, NULL);
}

static bool set(const struct config_key *key, char *target, const char *value, const char **expected)
{
    switch (key->type) {
    case KEY_TEXT:
        return set_text(target + key->offset, value);
    case KEY_ADDRESS:
        *expected = "host:port";
        return set_address(target + key->offset, value);
    case KEY_SWITCH:
        *expected = "yes or no";
        return set_switch(target + key->offset, value);
    case KEY_TIMEOUT:
        *expected = "a duration such as 10s or 1m30s, more than 0s and at most 365d";
        return set_timeout(target + key->offset, value);
    case KEY_COUNT:
        return set_count(target + key->offset, value, key->min, key->max);
    case KEY_ENCRYPTION:
        *expected = "no, optional or strict";
        return set_encryption(target + key->offset, value);
    case KEY_SOURCE:
        *expected = "\"publisher\": this router does not pull streams";
        return strcmp(value, "publisher") == 0;
    }
    return false;
}

bool config_key_set(const struct config_key *key, void *target, const char *label, const char *value,
                    struct dub_error *error)
{
    const char *expected = "";
    if (set(key, target, value, &expected))
        return true;
    g_autofree char *range = key->type == KEY_COUNT ? g_strdup_printf("a whole number from %" G_GINT64_FORMAT
                                                                      " to %" G_GINT64_FORMAT,
                                                                      key->min, key->max)
                                                    : NULL;
    return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "%.120s is \"%.60s\", it must be %s", label, value,
                         range != NULL ? range : expected);
}

/* As Go writes durations, with days before: "10s", "1m30s", "1d". */
static char *format_duration(int64_t ns)
{
    const int64_t s = ns / DUB_NS_PER_S, days = s / 86400, hours = s / 3600 % 24, minutes = s / 60 % 60;
    const double seconds = (double)(ns % (60 * DUB_NS_PER_S)) / DUB_NS_PER_S;
    g_autoptr(GString) text = g_string_new(NULL);
    if (ns < DUB_NS_PER_S)
        return g_strdup_printf("%.9gms", (double)ns / DUB_NS_PER_MS);
    if (days > 0)
        g_string_append_printf(text, "%" G_GINT64_FORMAT "d", days);
    if (ns % (86400 * DUB_NS_PER_S) == 0)
        return g_strdup(text->str);
    if (hours > 0)
        g_string_append_printf(text, "%" G_GINT64_FORMAT "h", hours);
    if (hours > 0 || minutes > 0)
        g_string_append_printf(text, "%" G_GINT64_FORMAT "m", minutes);
    g_string_append_printf(text, "%.12gs", seconds);
    return g_strdup(text->str);
}

static const char *encryption_name(enum router_encryption encryption)
{
    return encryption == ROUTER_ENCRYPTION_STRICT     ? "strict"
           : encryption == ROUTER_ENCRYPTION_OPTIONAL ? "optional"
                                                      : "no";
}

static void describe_timeout(JsonObject *object, const char *name, int64_t ns)
{
    g_autofree char *text = format_duration(ns);
    json_object_set_string_member(object, name, text);
}

static void describe(const struct config_key *key, const char *target, JsonObject *object)
{
    const void *value = target + key->offset;
    switch (key->type) {
    case KEY_TEXT:
    case KEY_ADDRESS:
        json_object_set_string_member(object, key->name, *(char *const *)value);
        break;
    case KEY_SWITCH:
        json_object_set_boolean_member(object, key->name, *(const bool *)value);
        break;
    case KEY_TIMEOUT:
        describe_timeout(object, key->name, *(const int64_t *)value);
        break;
    case KEY_COUNT:
        json_object_set_int_member(object, key->name, *(const int64_t *)value);
        break;
    case KEY_ENCRYPTION:
        json_object_set_string_member(object, key->name,
                                      encryption_name(*(const enum router_encryption *)value));
        break;
    case KEY_SOURCE:
        json_object_set_string_member(object, key->name, "publisher");
        break;
    }
}

static void describe_all(const struct config_key *keys, const void *target, JsonObject *object)
{
    for (const struct config_key *key = keys; key->name != NULL; key++)
        describe(key, target, object);
}

void config_keys_describe_global(const struct router_config *config, JsonObject *object)
{
    describe_all(global_keys, config, object);
}

void config_keys_describe_path(const struct path_config *path, JsonObject *object)
{
    describe_all(path_keys, path, object);
}
