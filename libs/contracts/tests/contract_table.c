/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "contract_table.h"

#include <dubbing_events.h>
#include <dubbing_hooks.h>
#include <dubbing_ledger.h>
#include <dubbing_rest.h>
#include <dubbing_worker_control.h>

static void clear_nothing(struct dub_backpressure_simulation *simulation)
{
}

#define REWRITE(prefix, type, clear)                                                                         \
    static JsonNode *rewrite_##prefix(JsonNode *node, struct dub_error *error)                               \
    {                                                                                                        \
        struct type value;                                                                                   \
        JsonNode *written = prefix##_read(&value, node, error) ? prefix##_to_json(&value) : NULL;            \
        clear(&value);                                                                                       \
        return written;                                                                                      \
    }

REWRITE(dub_stream_init, dub_stream_init, dub_stream_init_clear)
REWRITE(dub_fragment_data, dub_fragment_data, dub_fragment_data_clear)
REWRITE(dub_fragment_ack, dub_fragment_ack, dub_fragment_ack_clear)
REWRITE(dub_stream_control, dub_stream_control, dub_stream_control_clear)
REWRITE(dub_error_simulation, dub_error_simulation, dub_error_simulation_clear)
REWRITE(dub_backpressure_simulation, dub_backpressure_simulation, clear_nothing)
REWRITE(dub_stream_ready, dub_stream_ready, dub_stream_ready_clear)
REWRITE(dub_fragment_processed, dub_fragment_processed, dub_fragment_processed_clear)
REWRITE(dub_backpressure, dub_backpressure, dub_backpressure_clear)
REWRITE(dub_stream_complete, dub_stream_complete, dub_stream_complete_clear)
REWRITE(dub_error_event, dub_error_event, dub_error_event_clear)
REWRITE(dub_error_simulation_ack, dub_error_simulation_ack, dub_error_simulation_ack_clear)
REWRITE(dub_hook_event, dub_hook_event, dub_hook_event_clear)
REWRITE(dub_hook_answer, dub_hook_answer, dub_hook_answer_clear)
REWRITE(dub_ledger_line, dub_ledger_line, dub_ledger_line_clear)
REWRITE(dub_process_request, dub_process_request, dub_process_request_clear)
REWRITE(dub_worker_hello, dub_worker_hello, dub_worker_hello_clear)
REWRITE(dub_worker_status, dub_worker_status, dub_worker_status_clear)
REWRITE(dub_worker_phrase, dub_ledger_line, dub_ledger_line_clear)

/* A command has nothing to free. */
static JsonNode *rewrite_command(JsonNode *node, struct dub_error *error)
{
    struct dub_worker_command command;
    return dub_worker_command_read(&command, node, error) ? dub_worker_command_to_json(&command) : NULL;
}

#define UUID "0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e77"
#define REQUIRED(...) ((const char *const[]){__VA_ARGS__, NULL})
#define AUDIO                                                                                                \
    "{\"format\":\"pcm_s16le\",\"sample_rate_hz\":24000,\"channels\":1,\"duration_ms\":2,"                   \
    "\"data_base64\":\"AAECAwQFBgcICQ==\"}"
#define LEDGER                                                                                               \
    "{\"seq\":7,\"fragmentId\":\"" UUID "\",\"startMs\":1200,\"endMs\":3400,\"state\":\"dubbed\","           \
    "\"reason\":\"LATE\",\"transcript\":\"good morning\",\"translatedText\":\"buenos días\",\"lagMs\":120," \
    "\"speedRatio\":1.1,\"sts\":{\"rttMs\":640,\"asrMs\":400,\"translationMs\":3,\"ttsMs\":60}}"
#define STATISTICS                                                                                           \
    "\"total_fragments\":5,\"total_duration_ms\":9000,\"success_count\":3,\"partial_count\":1,"              \
    "\"failed_count\":1,\"avg_processing_time_ms\":310.5,\"p95_processing_time_ms\":702.25,"                 \
    "\"error_breakdown\":{\"by_stage\":{\"asr\":1},\"by_code\":{\"TIMEOUT\":1}}"

const struct contract contract_table[] = {
    {"stream-init",
     "{\"stream_id\":\"news\",\"worker_id\":\"worker-1\",\"config\":{\"source_language\":\"en\","
     "\"target_language\":\"es\",\"voice_profile\":\"default\",\"chunk_duration_ms\":6000,"
     "\"sample_rate_hz\":24000,\"channels\":1,\"format\":\"pcm_s16le\",\"domain_hints\":[\"goal\","
     "\"pénalty\"],\"glossary\":{\"keep\":[\"BBC\"],\"replace\":{\"goalkeeper\":\"portero\"}}},"
     "\"max_inflight\":3,\"timeout_ms\":8000}",
     REQUIRED("stream_id", "worker_id", "config", "config.source_language", "config.target_language"),
     rewrite_dub_stream_init},
    {"fragment-data",
     "{\"fragment_id\":\"" UUID "\",\"stream_id\":\"news\",\"sequence_number\":0,\"timestamp\":1767312000123,"
     "\"audio\":" AUDIO ",\"metadata\":{\"pts_ns\":5000000000,\"source_pts_ns\":4000000000,"
     "\"max_duration_ms\":2600}}",
     REQUIRED("fragment_id", "stream_id", "sequence_number", "timestamp", "audio", "audio.format",
              "audio.sample_rate_hz", "audio.channels", "audio.duration_ms", "audio.data_base64"),
     rewrite_dub_fragment_data},
    {"fragment-ack",
     "{\"fragment_id\":\"" UUID "\",\"status\":\"queued\",\"timestamp\":1767312000123,\"queue_position\":2,"
     "\"estimated_completion_ms\":900}",
     REQUIRED("fragment_id", "status", "timestamp"), rewrite_dub_fragment_ack},
    {"stream-control", "{\"stream_id\":\"news\",\"reason\":\"advert break\"}", REQUIRED("stream_id"),
     rewrite_dub_stream_control},
    {"error-simulation",
     "{\"enabled\":true,\"rules\":[{\"trigger\":\"sequence_number\",\"value\":3,\"error_code\":\"TIMEOUT\","
     "\"error_message\":\"too slow\",\"retryable\":true,\"stage\":\"asr\"},{\"trigger\":\"fragment_id\","
     "\"value\":\"" UUID "\",\"error_code\":\"ASR_FAILED\",\"error_message\":\"no\",\"retryable\":false}]}",
     REQUIRED("enabled", "rules.0.trigger", "rules.0.value", "rules.0.error_code", "rules.1.trigger",
              "rules.1.value", "rules.1.error_code"),
     rewrite_dub_error_simulation},
    {"backpressure-simulation",
     "{\"enabled\":true,\"threshold\":2,\"severity\":\"high\",\"action\":\"pause\",\"recommended_delay_ms\":"
     "500}",
     REQUIRED("enabled"), rewrite_dub_backpressure_simulation},
    {"stream-ready",
     "{\"stream_id\":\"news\",\"session_id\":\"s-1\",\"max_inflight\":3,"
     "\"capabilities\":{\"batch_processing\":false,\"async_delivery\":true}}",
     REQUIRED("stream_id", "session_id"), rewrite_dub_stream_ready},
    {"fragment-processed",
     "{\"fragment_id\":\"" UUID "\",\"stream_id\":\"news\",\"sequence_number\":4,\"status\":\"partial\","
     "\"dubbed_audio\":" AUDIO ",\"transcript\":\"good morning\",\"translated_text\":\"buenos días\","
     "\"processing_time_ms\":610,\"stage_timings\":{\"asr_ms\":500,\"translation_ms\":4,\"tts_ms\":80},"
     "\"error\":{\"stage\":\"tts\",\"code\":\"DURATION_MISMATCH_EXCEEDED\",\"message\":\"15 % too long\","
     "\"retryable\":false},\"metadata\":{\"original_duration_ms\":2000,\"dubbed_duration_ms\":2300,"
     "\"duration_variance_percent\":15.5,\"speed_ratio\":1.25,\"asr_model\":\"a\",\"translation_model\":"
     "\"b\","
     "\"tts_model\":\"c\"}}",
     REQUIRED("fragment_id", "stream_id", "sequence_number", "status", "dubbed_audio", "dubbed_audio.format",
              "dubbed_audio.sample_rate_hz", "dubbed_audio.channels", "dubbed_audio.duration_ms",
              "dubbed_audio.data_base64", "error.code"),
     rewrite_dub_fragment_processed},
    {"backpressure",
     "{\"stream_id\":\"news\",\"severity\":\"medium\",\"action\":\"slow_down\",\"current_inflight\":4,"
     "\"max_inflight\":3,\"queue_depth\":2,\"threshold_exceeded\":\"max_inflight\",\"recommended_delay_ms\":"
     "250}",
     REQUIRED("stream_id", "severity", "action"), rewrite_dub_backpressure},
    {"stream-complete", "{\"stream_id\":\"news\"," STATISTICS ",\"statistics\":{" STATISTICS "}}",
     REQUIRED("stream_id"), rewrite_dub_stream_complete},
    {"error",
     "{\"error_id\":\"e-1\",\"stream_id\":\"news\",\"fragment_id\":\"" UUID
     "\",\"code\":\"INVALID_SEQUENCE\","
     "\"message\":\"expected 3, got 5\",\"severity\":\"error\",\"retryable\":false,\"metadata\":{}}",
     REQUIRED("code"), rewrite_dub_error_event},
    {"error-simulation-ack",
     "{\"status\":\"error\",\"rules_count\":0,\"error_message\":\"rules[0].value: is missing\"}",
     REQUIRED("status"), rewrite_dub_error_simulation_ack},
    {"hook-event",
     "{\"path\":\"live/news/"
     "in\",\"query\":\"lang=es&src=en\",\"sourceType\":\"rtmpConn\",\"sourceId\":\"" UUID "\"}",
     REQUIRED("path", "query", "sourceType", "sourceId"), rewrite_dub_hook_event},
    {"hook-answer", "{\"eventId\":\"e-1\",\"streamId\":\"news\",\"runId\":\"20260102T030405.678Z-4f9a1c2e\"}",
     REQUIRED("eventId", "streamId", "runId"), rewrite_dub_hook_answer},
    {"ledger-line", LEDGER, REQUIRED("seq", "startMs", "endMs", "state"), rewrite_dub_ledger_line},
    {"process-request",
     "{\"fragment_id\":\"" UUID "\",\"stream_id\":\"news\",\"sequence_number\":0,\"timestamp\":1767312000123,"
     "\"audio\":" AUDIO ",\"metadata\":{\"max_duration_ms\":2600},\"config\":{\"source_language\":\"en\","
     "\"target_language\":\"es\",\"voice_profile\":\"default\"},\"timeout_ms\":8000}",
     REQUIRED("fragment_id", "stream_id", "sequence_number", "audio", "audio.format", "audio.sample_rate_hz",
              "audio.channels", "audio.duration_ms", "audio.data_base64", "config", "config.source_language",
              "config.target_language"),
     rewrite_dub_process_request},
    {"worker-hello",
     "{\"type\":\"hello\",\"streamId\":\"news\",\"runId\":\"r-1\",\"instanceId\":\"i-1\",\"pid\":4242,"
     "\"version\":\"0.1.0\",\"gstreamer\":\"1.22.0\"}",
     REQUIRED("type", "streamId", "runId", "instanceId", "pid", "version"), rewrite_dub_worker_hello},
    {"worker-status",
     "{\"type\":\"status\",\"state\":\"running\",\"uptimeMs\":61000,\"sourceLang\":\"en\",\"targetLang\":"
     "\"es\","
     "\"latencyMs\":3000,\"delayMs\":3001,\"avSyncDeltaMs\":-0.5,\"dubLagMs\":240,\"lateBlocks\":3,"
     "\"input\":{\"url\":\"rtmp://127.0.0.1/live/news/"
     "in\",\"connected\":true,\"videoCodec\":\"h264\",\"width\":1280,"
     "\"height\":720,\"audioCodec\":\"aac\",\"audioRateHz\":44100,\"audioChannels\":2,\"bytes\":123456,"
     "\"reconnects\":1},\"output\":{\"url\":\"rtmp://127.0.0.1/live/news/out\",\"connected\":true,"
     "\"bytes\":123400,\"reconnects\":0,\"lastError\":\"it was "
     "refused\"},\"sts\":{\"mode\":\"enabled\",\"connected\":true,\"reconnects\":2,"
     "\"breaker\":\"half_open\",\"inflight\":1,\"backpressure\":\"low\",\"rtt\":{\"counts\":[0,0,1,4,2,0,0,0,"
     "0],"
     "\"sumMs\":4100.5},\"fragments\":8,\"asrEngine\":\"a\",\"translationEngine\":\"b\",\"ttsEngine\":\"c\"},"
     "\"phrases\":{\"dubbed\":6,\"passthrough\":1,\"dropped\":0},"
     "\"fallbacks\":{\"TIMEOUT\":1},\"busErrors\":{\"resource\":1}}",
     REQUIRED("type", "state", "uptimeMs", "sourceLang", "targetLang", "latencyMs", "input", "input.url",
              "input.connected", "output", "output.url", "output.connected", "sts", "sts.mode",
              "sts.connected", "sts.breaker", "sts.rtt", "sts.rtt.counts"),
     rewrite_dub_worker_status},
    {"worker-phrase", "{\"type\":\"phrase\",\"phrase\":" LEDGER "}",
     REQUIRED("type", "phrase", "phrase.seq", "phrase.startMs", "phrase.endMs", "phrase.state"),
     rewrite_dub_worker_phrase},
    {"worker-command", "{\"command\":\"phrases\",\"after\":12}", REQUIRED("command"), rewrite_command},
    {NULL},
};
