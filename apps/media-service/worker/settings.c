/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings.h"

#include "../shared/location.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <stddef.h>

#define DEFAULT_LATENCY_NS (3 * DUB_NS_PER_S)

static const char *const sts_modes[] = {"enabled", "passthrough", "disabled", NULL};
static const char *const mix_modes[] = {"duck", "replace", "background", NULL};
static const char *const fallbacks[] = {"passthrough", "ducked", "background", "silence", NULL};
static const char *const fragmenters[] = {"vad", "fixed", NULL};
static const char *const presets[] = {"none", "low", "balanced", "quality", NULL};
static const int64_t preset_latencies_ns[] = {0, 3 * DUB_NS_PER_S, 5 * DUB_NS_PER_S, 8 * DUB_NS_PER_S};

#define AT(member) offsetof(struct worker_settings, member)

static const struct dub_config_item items[] = {
    {"WORKER_STREAM_ID", "stream-id", DUB_CONFIG_STRING, NULL,
     "name of the stream in logs and to the service; empty: one is made up", AT(stream_id)},
    {"WORKER_INPUT_URL", "input-url", DUB_CONFIG_STRING, NULL,
     "rtmp://, rtsp:// or srt:// URL, file:// URL or path to read from", AT(input_url),
     .flags = DUB_CONFIG_REQUIRED | DUB_CONFIG_URL},
    {"WORKER_OUTPUT_URL", "output-url", DUB_CONFIG_STRING, NULL,
     "rtmp://, rtsp:// or srt:// URL, or a .mp4, .flv or .ts file to write to", AT(output_url),
     .flags = DUB_CONFIG_REQUIRED | DUB_CONFIG_URL},
    {"WORKER_REALTIME", "realtime", DUB_CONFIG_BOOL, "false", "play a file input as if it were live",
     AT(realtime)},
    {"WORKER_LATENCY", "latency", DUB_CONFIG_DURATION, "3s", "D, the fixed delay from input to output",
     AT(latency_ns), 2 * DUB_NS_PER_S, 30 * DUB_NS_PER_S},
    {"WORKER_PRESET", "preset", DUB_CONFIG_CHOICE, "none",
     "D by name: low 3s, balanced 5s, quality 8s; a WORKER_LATENCY other than its default wins", AT(preset),
     .choices = presets},
    {"WORKER_MAX_LAG", "max-lag", DUB_CONFIG_DURATION, "2s", "how far the dub may trail the picture",
     AT(max_lag_ns), 0, 10 * DUB_NS_PER_S},
    {"WORKER_STS_MODE", "sts-mode", DUB_CONFIG_CHOICE, "enabled",
     "enabled; passthrough: find the speech but send nothing; disabled: not even that", AT(sts_mode),
     .choices = sts_modes},
    {"WORKER_STS_SERVICE_URL", "sts-service-url", DUB_CONFIG_STRING, "http://127.0.0.1:8000",
     "address of the sts-service", AT(sts_url), .flags = DUB_CONFIG_REQUIRED | DUB_CONFIG_URL},
    {"WORKER_STS_API_KEY", "sts-api-key", DUB_CONFIG_STRING, NULL, "key of the sts-service", AT(sts_api_key),
     .flags = DUB_CONFIG_SECRET},
    {"WORKER_STS_TIMEOUT_MS", "sts-timeout-ms", DUB_CONFIG_INT, "8000", "when an answer is given up, ms",
     AT(sts_timeout_ms), 1000, 30000},
    {"WORKER_SOURCE_LANG", "source-lang", DUB_CONFIG_STRING, "en", "language that is spoken", AT(source_lang),
     .flags = DUB_CONFIG_REQUIRED},
    {"WORKER_TARGET_LANG", "target-lang", DUB_CONFIG_STRING, "es", "language of the dub", AT(target_lang),
     .flags = DUB_CONFIG_REQUIRED},
    {"WORKER_TTS_VOICE", "tts-voice", DUB_CONFIG_STRING, "default", "voice profile", AT(voice),
     .flags = DUB_CONFIG_REQUIRED},
    {"WORKER_MIX_MODE", "mix-mode", DUB_CONFIG_CHOICE, "duck", "what happens to the original under the dub",
     AT(mix_mode), .choices = mix_modes},
    {"WORKER_FALLBACK", "fallback", DUB_CONFIG_CHOICE, "passthrough",
     "what is heard of a phrase without a dub", AT(fallback), .choices = fallbacks},
    {"WORKER_FRAGMENTER", "fragmenter", DUB_CONFIG_CHOICE, "vad", "how speech is cut into fragments",
     AT(fragmenter), .choices = fragmenters},
    {"WORKER_SEGMENT_DURATION", "segment-duration", DUB_CONFIG_DURATION, "6s",
     "length of fixed fragments; live, at most what D and the greatest lag leave", AT(segment_duration_ns),
     DUB_NS_PER_S, 30 * DUB_NS_PER_S},
    {"WORKER_MAX_INFLIGHT", "max-inflight", DUB_CONFIG_INT, "3", "fragments in the service at a time",
     AT(max_inflight), 1, 10},
    {"WORKER_INPUT_GRACE", "input-grace", DUB_CONFIG_DURATION, "30s", "how long a lost input is waited for",
     AT(input_grace_ns), 0, 24 * 3600 * DUB_NS_PER_S},
    {"WORKER_OUTPUT_GRACE", "output-grace", DUB_CONFIG_DURATION, "30s", "how long a lost output is retried",
     AT(output_grace_ns), 0, 24 * 3600 * DUB_NS_PER_S},
    {"ORCH_STATE_DIR", "state-dir", DUB_CONFIG_STRING, NULL,
     "the control socket is served in workers/ under it; empty: none", AT(state_dir)},
    {"WORKER_LEDGER", "ledger", DUB_CONFIG_STRING, NULL, "file for the phrases, one JSON object per line",
     AT(ledger)},
    {"WORKER_CAPTURE_DIR", "capture-dir", DUB_CONFIG_STRING, NULL,
     "folder for the audio of each fragment, as sent and as received; empty: none", AT(capture_dir)},
    {0},
};

static bool is_empty(const char *text)
{
    return text == NULL || *text == '\0';
}

static void check_pace(const struct worker_settings *settings, GPtrArray *problems)
{
    if (!settings->input_url || !settings->output_url || settings->realtime)
        return;
    if (location_kind(settings->input_url) == LOCATION_FILE &&
        location_kind(settings->output_url) != LOCATION_FILE)
        g_ptr_array_add(problems,
                        g_strdup("WORKER_REALTIME: a file goes into the network at its own speed only: "
                                 "add --realtime"));
}

static void check(const void *data, GPtrArray *problems)
{
    const struct worker_settings *settings = data;
    struct dub_error error = {0};

    if (!is_empty(settings->stream_id) && !dub_stream_id_is_valid(settings->stream_id))
        g_ptr_array_add(problems, g_strdup_printf("WORKER_STREAM_ID: \"%s\" is not 1 to 64 letters, digits, "
                                                  "\"-\" or \"_\"",
                                                  settings->stream_id));
    if (settings->input_url && *settings->input_url && !input_location_check(settings->input_url, &error))
        g_ptr_array_add(problems, g_strdup_printf("WORKER_INPUT_URL: %s", error.message));
    if (settings->output_url && *settings->output_url && !output_location_check(settings->output_url, &error))
        g_ptr_array_add(problems, g_strdup_printf("WORKER_OUTPUT_URL: %s", error.message));
    check_pace(settings, problems);
}

const struct dub_config_program worker_program = {
    .name = "media-worker",
    .summary = "Dubs the speech of one stream or file; the picture passes through unchanged.",
    .usage = "--input-url URL --output-url URL [OPTION...]",
    .items = items,
    .check = check,
};

/* The control socket tells workers apart by it. */
static void make_up_instance_id(struct dub_common_settings *common)
{
    if (!is_empty(common->instance_id))
        return;
    g_free(common->instance_id);
    common->instance_id = dub_uuid_new();
}

/* The speech service has one conversation per stream: two workers of the same name would take it from each
 * other for ever. */
static void make_up_stream_id(struct worker_settings *settings)
{
    if (!is_empty(settings->stream_id))
        return;
    g_autofree char *uuid = dub_uuid_new();
    g_free(settings->stream_id);
    settings->stream_id = g_strdup_printf("local-%.8s", uuid);
}

enum dub_config_result worker_settings_load(int argc, char **argv, struct worker_settings *settings)
{
    enum dub_config_result result = dub_config_load(&worker_program, argc, argv, settings, NULL);

    if (result == DUB_CONFIG_OK && settings->preset > 0 && settings->latency_ns == DEFAULT_LATENCY_NS)
        settings->latency_ns = preset_latencies_ns[settings->preset];
    if (result == DUB_CONFIG_OK) {
        make_up_instance_id(&settings->common);
        make_up_stream_id(settings);
    }
    return result;
}

void worker_settings_clear(struct worker_settings *settings)
{
    dub_config_clear(&worker_program, settings);
}

const char *worker_settings_sts_mode(const struct worker_settings *settings)
{
    return sts_modes[settings->sts_mode];
}

const char *worker_settings_mix_mode(const struct worker_settings *settings)
{
    return mix_modes[settings->mix_mode];
}

const char *worker_settings_fallback(const struct worker_settings *settings)
{
    return fallbacks[settings->fallback];
}

const char *worker_settings_fragmenter(const struct worker_settings *settings)
{
    return fragmenters[settings->fragmenter];
}
