/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings.h"

#include "settings_files.h"

#include <dubbing_clock.h>
#include <stddef.h>

static const char *const modes[] = {"full", "echo", NULL};
static const char *const fallbacks[] = {"fail", "source", NULL};
static const char *const devices[] = {"auto", "cpu", "cuda", NULL};

#define STRING(variable, option, member, fallback, text, bits)                                               \
    {                                                                                                        \
        .name = (variable), .flag = (option), .type = DUB_CONFIG_STRING, .default_value = (fallback),        \
        .help = (text), .offset = offsetof(struct sts_settings, member), .flags = (bits)                     \
    }
#define INT(variable, option, member, fallback, text, least, most)                                           \
    {                                                                                                        \
        .name = (variable), .flag = (option), .type = DUB_CONFIG_INT, .default_value = (fallback),           \
        .help = (text), .offset = offsetof(struct sts_settings, member), .min = (least), .max = (most)       \
    }
#define DURATION(variable, option, member, fallback, text, least, most)                                      \
    {                                                                                                        \
        .name = (variable), .flag = (option), .type = DUB_CONFIG_DURATION, .default_value = (fallback),      \
        .help = (text), .offset = offsetof(struct sts_settings, member), .min = (least), .max = (most)       \
    }
#define CHOICE(variable, option, member, fallback, text, names)                                              \
    {                                                                                                        \
        .name = (variable), .flag = (option), .type = DUB_CONFIG_CHOICE, .default_value = (fallback),        \
        .help = (text), .offset = offsetof(struct sts_settings, member), .choices = (names)                  \
    }

static const struct dub_config_item items[] = {
    INT("STS_PORT", "port", port, "8000", "TCP port of HTTP and Socket.IO; 0: any free one", 0, 65535),
    STRING("STS_ADDR", "addr", addr, "127.0.0.1", "address to listen on; 0.0.0.0: all interfaces",
           DUB_CONFIG_REQUIRED),
    CHOICE("STS_MODE", "mode", mode, "full", "full: with engines; echo: returns what it gets", modes),
    STRING("STS_API_KEY", "api-key", api_key, NULL, "key that clients must present; empty: none",
           DUB_CONFIG_SECRET),
    {.name = "REQUIRE_AUTH",
     .flag = "require-auth",
     .type = DUB_CONFIG_BOOL,
     .default_value = "false",
     .help = "refuse to start without STS_API_KEY",
     .offset = offsetof(struct sts_settings, require_auth)},
    STRING("STS_TLS_CERT", "tls-cert", tls_cert, NULL, "PEM certificate; with STS_TLS_KEY: https and wss", 0),
    STRING("STS_TLS_KEY", "tls-key", tls_key, NULL, "file of the PEM private key", 0),
    INT("STS_MAX_CONNECTIONS", "max-connections", max_connections, "64", "Socket.IO connections at a time", 1,
        100000),
    DURATION("STS_PING_INTERVAL", "ping-interval", ping_interval_ns, "25s", "time between two heartbeats",
             10 * DUB_NS_PER_MS, DUB_NS_PER_S * 3600),
    DURATION("STS_PING_TIMEOUT", "ping-timeout", ping_timeout_ns, "10s",
             "a client that has not answered a heartbeat for so long is gone", 10 * DUB_NS_PER_MS,
             DUB_NS_PER_S * 3600),
    DURATION("STS_INIT_TIMEOUT", "init-timeout", init_timeout_ns, "60s",
             "a connection without a stream for so long is closed; 0s: never", 0, DUB_NS_PER_S * 86400),
    DURATION("STS_IDLE_TIMEOUT", "idle-timeout", idle_timeout_ns, "30m",
             "a stream without a message for so long is closed; 0s: never", 0, DUB_NS_PER_S * 86400),
    INT("STS_RATE_LIMIT", "rate-limit", rate_limit, "500", "events a second of one connection; 0: no limit",
        0, 1000000),
    {.name = "STS_RATE_LIMIT_BYTES",
     .flag = "rate-limit-bytes",
     .type = DUB_CONFIG_BYTES,
     .default_value = "16MiB",
     .help = "bytes a second read of one connection; what comes faster waits; 0: no limit",
     .offset = offsetof(struct sts_settings, rate_limit_bytes),
     .min = 0,
     .max = 1 << 30},
    INT("STS_INFLIGHT_PAUSE", "inflight-pause", inflight_pause, "7",
        "fragments in flight from which a stream is told to pause", 1, STS_INFLIGHT_MAX),
    INT("STS_INFLIGHT_MAX", "inflight-max", inflight_max, "10",
        "fragments in flight above which a stream's are refused", 1, STS_INFLIGHT_MAX),
    INT("STS_HTTP_MAX_CONNECTIONS", "http-max-connections", http_max_connections, "256",
        "HTTP connections at a time", 1, 100000),
    DURATION("STS_HTTP_TIMEOUT", "http-timeout", http_timeout_ns, "30s",
             "time that a client has to send its request", 10 * DUB_NS_PER_MS, DUB_NS_PER_S * 3600),
    INT("STS_HTTP_RATE_LIMIT", "http-rate-limit", http_rate_limit, "100",
        "fragments a second over REST, of all clients; 0: no limit", 0, 1000000),
    INT("STS_QUEUE_MAX_DEPTH", "queue-max-depth", queue_max_depth, "20",
        "fragments that may wait while all threads work; each stream has its part", 1, 10000),
    STRING("STS_ASR_ENGINE", "asr-engine", asr_engine, "auto", "speech recognition engine", 0),
    STRING("STS_TRANSLATION_ENGINE", "translation-engine", translation_engine, "auto", "translation engine",
           0),
    STRING("STS_TTS_ENGINE", "tts-engine", tts_engine, "auto", "speech synthesis engine", 0),
    STRING("STS_ASR_MODEL", "asr-model", asr_model, NULL, "model of the recogniser; empty: its default", 0),
    STRING("STS_TRANSLATION_MODEL", "translation-model", translation_model, NULL,
           "model of the translator; empty: its default", 0),
    STRING("STS_TTS_MODEL", "tts-model", tts_model, NULL,
           "model of the synthesiser; empty: its default; espeak-ng has none", 0),
    CHOICE("STS_DEVICE", "device", device, "auto",
           "where neural engines run; auto: on a GPU where there is one and an engine can use it", devices),
    STRING("STS_MODEL_CACHE_DIR", "model-cache-dir", model_cache_dir, ".local/models",
           "where models without a full path are looked for", 0),
    STRING("STS_VOICES_FILE", "voices-file", voices_file, STS_VOICES_FILE_DEFAULT, "voice profiles", 0),
    STRING("STS_GLOSSARY_FILE", "glossary-file", glossary_file, NULL,
           "JSON file of terms that translations keep or replace; empty: none", 0),
    INT("STS_ASR_WORKERS", "asr-workers", asr_workers, "0", "recognitions at a time; 0: by cores", 0, 256),
    INT("STS_TRANSLATION_WORKERS", "translation-workers", translation_workers, "0",
        "translations at a time; 0: by cores", 0, 256),
    INT("STS_TTS_WORKERS", "tts-workers", tts_workers, "0", "syntheses at a time; 0: by cores", 0, 256),
    INT("STS_ECHO_DELAY_MS", "echo-delay-ms", echo_delay_ms, "0",
        "echo mode: time until a fragment comes back", 0, 600000),
    CHOICE("STS_TRANSLATION_FALLBACK", "translation-fallback", translation_fallback, "fail",
           "when a translation fails: fail the fragment, or speak the source text (partial)", fallbacks),
    STRING("DEEPL_AUTH_KEY", "deepl-auth-key", providers.deepl_key, NULL,
           "key of DeepL; one of the free plan ends with :fx", DUB_CONFIG_SECRET),
    STRING("DEEPL_URL", "deepl-url", providers.deepl_url, NULL,
           "address of DeepL; empty: that of the key's plan", DUB_CONFIG_URL),
    STRING("DEEPL_FORMALITY", "deepl-formality", providers.deepl_formality, NULL,
           "default, more, less, prefer_more or prefer_less; empty: default", 0),
    STRING("DEEPL_GLOSSARIES", "deepl-glossaries", providers.deepl_glossaries, NULL,
           "glossaries at DeepL by pair: en-es=ID,en-de=ID; empty: none", 0),
    STRING("OPENAI_API_KEY", "openai-api-key", providers.openai_key, NULL,
           "key of OpenAI, or of the server at OPENAI_BASE_URL", DUB_CONFIG_SECRET),
    STRING("OPENAI_BASE_URL", "openai-base-url", providers.openai_url, NULL,
           "a server that speaks OpenAI's API, with its /v1; empty: OpenAI", DUB_CONFIG_URL),
    STRING("ELEVENLABS_API_KEY", "elevenlabs-api-key", providers.elevenlabs_key, NULL, "key of ElevenLabs",
           DUB_CONFIG_SECRET),
    STRING("ELEVENLABS_URL", "elevenlabs-url", providers.elevenlabs_url, NULL,
           "address of ElevenLabs; empty: its own", DUB_CONFIG_URL),
    STRING("LIBRETRANSLATE_URL", "libretranslate-url", providers.libretranslate_url, NULL,
           "LibreTranslate server, such as http://127.0.0.1:5000; empty: none", DUB_CONFIG_URL),
    STRING("LIBRETRANSLATE_API_KEY", "libretranslate-api-key", providers.libretranslate_key, NULL,
           "key of that server, where it wants one", DUB_CONFIG_SECRET),
    STRING("STS_ARTIFACT_DIR", "artifact-dir", artifact_dir, NULL,
           "keeps audio and texts of every fragment here; empty: nowhere", 0),
    {.name = "STS_ARTIFACT_MAX_BYTES",
     .flag = "artifact-max-bytes",
     .type = DUB_CONFIG_BYTES,
     .default_value = "1GiB",
     .help = "artifacts kept; the oldest make room",
     .offset = offsetof(struct sts_settings, artifact_max_bytes),
     .min = 1 << 20,
     .max = INT64_MAX},
    DURATION("STS_ARTIFACT_MAX_AGE", "artifact-max-age", artifact_max_age_ns, "24h",
             "artifacts that are older are removed", DUB_NS_PER_S * 60, DUB_NS_PER_S * 86400 * 3650),
    {.name = NULL},
};

static bool is_set(const char *text)
{
    return text && *text;
}

static void check(const void *data, GPtrArray *problems)
{
    const struct sts_settings *settings = data;

    if (settings->require_auth && !is_set(settings->api_key))
        g_ptr_array_add(problems,
                        g_strdup("REQUIRE_AUTH is true but STS_API_KEY is empty: set STS_API_KEY or "
                                 "STS_API_KEY_FILE"));
    if (settings->inflight_pause > settings->inflight_max)
        g_ptr_array_add(problems,
                        g_strdup("STS_INFLIGHT_PAUSE is above STS_INFLIGHT_MAX: nobody would be told "
                                 "to pause before being refused"));
    if (is_set(settings->tls_cert) != is_set(settings->tls_key))
        g_ptr_array_add(problems,
                        g_strdup("STS_TLS_CERT and STS_TLS_KEY belong together: set both or neither"));
    settings_check_files(settings, problems);
}

const struct dub_config_program sts_program = {
    .name = "sts-service",
    .summary = "Speech to speech: recognises, translates and speaks fragments of a live stream.",
    .items = items,
    .check = check,
};

const char *sts_device_name(int device)
{
    return devices[device];
}

const char *sts_voices_path(const struct sts_settings *settings)
{
    const char *path = settings->voices_file;
    bool is_default = g_strcmp0(path, STS_VOICES_FILE_DEFAULT) == 0;
    if (!is_set(path) || (is_default && !g_file_test(path, G_FILE_TEST_EXISTS)))
        return NULL;
    return path;
}
