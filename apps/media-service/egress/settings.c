/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings.h"

#include "../shared/location.h"
#include "dest_url.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <dubbing_rtmp_url.h>
#include <stddef.h>

#define AT(member) offsetof(struct egress_settings, member)
#define HOUR_NS (3600 * DUB_NS_PER_S)

static const struct dub_config_item items[] = {
    {"EGRESS_ENABLED", "enabled", DUB_CONFIG_BOOL, "false", "false: end at once with code 0", AT(enabled)},
    {"EGRESS_STREAM_ID", "stream-id", DUB_CONFIG_STRING, NULL, "name of the stream in logs and of its socket",
     AT(stream_id)},
    {"EGRESS_INPUT_URL", "input-url", DUB_CONFIG_STRING, NULL,
     "rtmp:// or rtmps:// URL of the stream that is forwarded", AT(input_url), .flags = DUB_CONFIG_URL},
    {"EGRESS_DEST_URL", "dest-url", DUB_CONFIG_STRING, NULL,
     "where it goes: rtmp:// or rtmps:// URL with the stream key; as an option it can be seen by others",
     AT(dest_url), .flags = DUB_CONFIG_SECRET},
    {"EGRESS_INPUT_GRACE", "input-grace", DUB_CONFIG_DURATION, "30s", "how long a lost input is waited for",
     AT(input_grace_ns), 0, 24 * HOUR_NS},
    {"EGRESS_RETRY_BASE", "retry-base", DUB_CONFIG_DURATION, "500ms",
     "first wait after the destination is lost; doubles with each attempt", AT(retry_base_ns),
     10 * DUB_NS_PER_MS, HOUR_NS},
    {"EGRESS_RETRY_MAX", "retry-max", DUB_CONFIG_DURATION, "10s", "longest wait between attempts",
     AT(retry_max_ns), 10 * DUB_NS_PER_MS, HOUR_NS},
    {"ORCH_STATE_DIR", "state-dir", DUB_CONFIG_STRING, NULL,
     "the control socket is served in egress/ under it; empty: none", AT(state_dir)},
    {0},
};

static bool is_empty(const char *text)
{
    return text == NULL || *text == '\0';
}

static void check_input(const char *url, GPtrArray *problems)
{
    struct dub_error error = {0};
    if (is_empty(url))
        g_ptr_array_add(problems, g_strdup("EGRESS_INPUT_URL is empty: set it to the stream's rtmp:// URL"));
    else if (location_kind(url) != LOCATION_RTMP)
        g_ptr_array_add(problems,
                        g_strdup("EGRESS_INPUT_URL: must be a URL that begins with rtmp:// or rtmps://"));
    else if (!input_location_check(url, &error))
        g_ptr_array_add(problems, g_strdup_printf("EGRESS_INPUT_URL: %s", error.message));
}

/* What is allowed of it, and what the client needs of it. */
static bool destination_is_fine(const char *url, struct dub_error *error)
{
    struct rtmp_url parts;
    bool fine = egress_dest_check(url, error) && rtmp_url_parse(url, &parts, error);
    if (fine)
        rtmp_url_clear(&parts);
    return fine;
}

static void check_destination(const char *url, GPtrArray *problems)
{
    struct dub_error error = {0};
    if (is_empty(url))
        g_ptr_array_add(problems, g_strdup("EGRESS_DEST_URL is empty: allowed is " EGRESS_DEST_ALLOWED));
    else if (!destination_is_fine(url, &error))
        g_ptr_array_add(problems, g_strdup_printf("EGRESS_DEST_URL: %s", error.message));
}

static void check_stream_id(const struct egress_settings *settings, GPtrArray *problems)
{
    if (!is_empty(settings->stream_id) && !dub_stream_id_is_valid(settings->stream_id))
        g_ptr_array_add(problems, g_strdup_printf("EGRESS_STREAM_ID: \"%s\" is not 1 to 64 letters, digits, "
                                                  "\"-\" or \"_\"",
                                                  settings->stream_id));
    if (is_empty(settings->stream_id) && !is_empty(settings->state_dir))
        g_ptr_array_add(problems, g_strdup("EGRESS_STREAM_ID is empty: ORCH_STATE_DIR needs a name for the "
                                           "socket"));
}

/* One that is switched off needs nothing else. */
static void check(const void *data, GPtrArray *problems)
{
    const struct egress_settings *settings = data;
    if (!settings->enabled)
        return;
    check_input(settings->input_url, problems);
    check_destination(settings->dest_url, problems);
    check_stream_id(settings, problems);
    if (settings->retry_base_ns > settings->retry_max_ns)
        g_ptr_array_add(problems, g_strdup("EGRESS_RETRY_BASE is longer than EGRESS_RETRY_MAX"));
}

const struct dub_config_program egress_program = {
    .name = "egress-forwarder",
    .summary = "Forwards one stream unchanged to one RTMP destination, for as long as the stream is there.",
    .items = items,
    .check = check,
};
