/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings.h"

#include "../orch/stream_settings.h"

#include "../egress/dest_url.h"
#include "../orch/stream_egress.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <dubbing_process.h>
#include <stddef.h>
#include <string.h>

static const char *const capture_modes[] = {"metadata", "media", NULL};

#define AT(member) offsetof(struct service_settings, member)
#define HOUR_NS (3600 * DUB_NS_PER_S)

static const struct dub_config_item items[] = {
    {"ORCH_HTTP_ADDR", "http-addr", DUB_CONFIG_ADDRESS, "127.0.0.1:8080", "listen here; port 0: any free one",
     AT(http_addr), .flags = DUB_CONFIG_REQUIRED},
    {"ORCH_API_KEY", "api-key", DUB_CONFIG_STRING, NULL,
     "key for calls that change something; empty: such calls from loopback only", AT(api_key),
     .flags = DUB_CONFIG_SECRET},
    {"ORCH_GRACE_PERIOD", "grace-period", DUB_CONFIG_DURATION, "30s",
     "how long a stream outlives its publisher", AT(grace_ns), 0, 24 * HOUR_NS},
    {"ORCH_MAX_WORKERS", "max-workers", DUB_CONFIG_INT, "0", "most streams at once; 0: no limit",
     AT(max_workers), 0, 10000},
    {"ORCH_STATE_DIR", "state-dir", DUB_CONFIG_STRING, ".local/state",
     "control sockets of the workers, records of the streams, and the lock", AT(state_dir),
     .flags = DUB_CONFIG_REQUIRED},
    {"ORCH_WORKER_COMMAND", "worker-command", DUB_CONFIG_STRING, NULL,
     "command that starts a worker; empty: media-worker beside this program, then in PATH",
     AT(worker_command)},
    {"ORCH_EGRESS_COMMAND", "egress-command", DUB_CONFIG_STRING, NULL,
     "command that starts a forwarder; empty: egress-forwarder beside this program, then in PATH",
     AT(egress_command)},
    {"ORCH_STREAMS_DIR", "streams-dir", DUB_CONFIG_STRING, "streams.d",
     "<streamId>.env in it holds WORKER_ and EGRESS_ variables for one stream", AT(streams_dir)},
    {"EGRESS_ENABLED", "egress-enabled", DUB_CONFIG_BOOL, "false",
     "forward every stream that names no destination of its own to EGRESS_DEST_URL", AT(egress_enabled)},
    {"EGRESS_DEST_URL", "egress-dest-url", DUB_CONFIG_STRING, NULL,
     "default destination, rtmp:// or rtmps://; {streamId} in it stands for the stream's id",
     AT(egress_dest_url), .flags = DUB_CONFIG_SECRET},
    {"MEDIAMTX_RTMP_URL", "mediamtx-rtmp-url", DUB_CONFIG_STRING, "rtmp://127.0.0.1:1935",
     "the router as the workers reach it by RTMP", AT(router_rtmp_url),
     .flags = DUB_CONFIG_REQUIRED | DUB_CONFIG_URL},
    {"MEDIAMTX_RTSP_URL", "mediamtx-rtsp-url", DUB_CONFIG_STRING, "rtsp://127.0.0.1:8554",
     "the router as the workers reach it by RTSP", AT(router_rtsp_url), .flags = DUB_CONFIG_URL},
    {"MEDIAMTX_API_URL", "mediamtx-api-url", DUB_CONFIG_STRING, "http://127.0.0.1:9997",
     "the router's Control API", AT(router_api_url), .flags = DUB_CONFIG_REQUIRED | DUB_CONFIG_URL},
    {"ASSET_STORE_ROOT", "asset-store-root", DUB_CONFIG_STRING, ".local/runs",
     "where the run bundles are kept", AT(bundle_root), .flags = DUB_CONFIG_REQUIRED},
    {"CAPTURE_MODE", "capture-mode", DUB_CONFIG_CHOICE, "metadata",
     "what a run bundle holds; media: each fragment's audio too, sent and received", AT(capture_mode),
     .choices = capture_modes},
    {"CAPTURE_MAX_BYTES", "capture-max-bytes", DUB_CONFIG_BYTES, "1GiB",
     "total size of the run bundles, the oldest go first; 0: no limit", AT(capture_max_bytes), 0,
     INT64_C(1) << 50},
    {"CAPTURE_MAX_AGE", "capture-max-age", DUB_CONFIG_DURATION, "168h",
     "age after which a run bundle is removed; 0: no limit", AT(capture_max_age_ns), 0,
     10 * 365 * 24 * HOUR_NS},
    {NULL},
};

static void check_url(GPtrArray *problems, const char *name, const char *url, const char *const *schemes)
{
    g_autofree char *scheme = g_uri_parse_scheme(url);
    g_autofree char *allowed = g_strjoinv("://, ", (char **)schemes);
    g_autofree char *masked = dub_url_mask(url);
    if (scheme == NULL || !g_strv_contains(schemes, scheme) || !g_uri_is_valid(url, G_URI_FLAGS_NONE, NULL))
        g_ptr_array_add(problems, g_strdup_printf("%s is \"%s\": must be a URL that begins with %s://", name,
                                                  masked, allowed));
}

static void check_egress(const struct service_settings *settings, GPtrArray *problems)
{
    struct dub_error error = {0};
    const char *pattern = settings->egress_dest_url != NULL ? settings->egress_dest_url : "";
    g_autofree char *url = stream_egress_default_url(pattern, "id");
    if (*url == '\0' && settings->egress_enabled)
        g_ptr_array_add(problems, g_strdup("EGRESS_DEST_URL is empty: set it, or EGRESS_ENABLED to false; "
                                           "allowed is " EGRESS_DEST_ALLOWED));
    else if (*url != '\0' && !egress_dest_check(url, &error))
        g_ptr_array_add(problems, g_strdup_printf("EGRESS_DEST_URL: %s", error.message));
}

static void check_worker_command(const struct service_settings *settings, GPtrArray *problems)
{
    struct dub_error error = {0};
    if (*settings->worker_command == '\0')
        return;
    g_auto(GStrv) argv = dub_command_split(settings->worker_command, NULL, &error);
    if (argv == NULL)
        g_ptr_array_add(problems, g_strdup_printf("ORCH_WORKER_COMMAND: %s", error.message));
}

static void check(const void *data, GPtrArray *problems)
{
    const struct service_settings *settings = data;
    static const char *const rtmp[] = {"rtmp", "rtmps", NULL};
    static const char *const rtsp[] = {"rtsp", "rtsps", NULL};
    static const char *const http[] = {"http", "https", NULL};
    check_url(problems, "MEDIAMTX_RTMP_URL", settings->router_rtmp_url, rtmp);
    check_url(problems, "MEDIAMTX_API_URL", settings->router_api_url, http);
    if (*settings->router_rtsp_url != '\0')
        check_url(problems, "MEDIAMTX_RTSP_URL", settings->router_rtsp_url, rtsp);
    check_worker_command(settings, problems);
    check_egress(settings, problems);
    stream_settings_check_environment(problems);
}

const struct dub_config_program service_program = {
    .name = "media-service",
    .summary =
        "Starts and watches one media-worker per live stream; hooks, health, metrics and API over HTTP.",
    .items = items,
    .check = check,
};
