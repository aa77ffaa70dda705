/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors as plain values.
 *
 * One table gives every code its enum, its wire name and whether a retry may help; the protocol's error codes
 * and our own local ones stand in it side by side. GError, errno and library codes are converted to a
 * struct dub_error in the file that borders on that library, and nowhere else. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* X(enum suffix, wire name, default retryable). Order is stable within a release only. */
#define DUB_ERROR_CODES(X)                                                                                   \
    X(NONE, "", false)                                                                                       \
    /* Local to a process: never sent to a peer of the Socket.IO protocol. */                                \
    X(INVALID_ARGUMENT, "INVALID_ARGUMENT", false)                                                           \
    X(NOT_FOUND, "NOT_FOUND", false)                                                                         \
    X(IO, "IO_ERROR", true)                                                                                  \
    X(UNAVAILABLE, "UNAVAILABLE", true)                                                                      \
    X(BREAKER_OPEN, "BREAKER_OPEN", true)                                                                    \
    X(CANCELLED, "CANCELLED", false)                                                                         \
    X(PROTOCOL, "PROTOCOL_ERROR", false)                                                                     \
    X(LIMIT, "LIMIT_EXCEEDED", false)                                                                        \
    X(UNSUPPORTED, "UNSUPPORTED", false)                                                                     \
    X(INTERNAL, "INTERNAL_ERROR", false)                                                                     \
    /* protocol.md section 1, retryable. */                                                                  \
    X(TIMEOUT, "TIMEOUT", true)                                                                              \
    X(MODEL_ERROR, "MODEL_ERROR", true)                                                                      \
    X(GPU_OOM, "GPU_OOM", true)                                                                              \
    X(QUEUE_FULL, "QUEUE_FULL", true)                                                                        \
    X(RATE_LIMIT, "RATE_LIMIT", true)                                                                        \
    X(RATE_LIMIT_EXCEEDED, "RATE_LIMIT_EXCEEDED", true)                                                      \
    X(TRANSLATION_API_UNAVAILABLE, "TRANSLATION_API_UNAVAILABLE", true)                                      \
    X(BACKPRESSURE_EXCEEDED, "BACKPRESSURE_EXCEEDED", true)                                                  \
    X(STREAM_PAUSED, "STREAM_PAUSED", true)                                                                  \
    /* protocol.md section 1, not retryable. */                                                              \
    X(AUTH_FAILED, "AUTH_FAILED", false)                                                                     \
    X(STREAM_NOT_FOUND, "STREAM_NOT_FOUND", false)                                                           \
    X(INVALID_CONFIG, "INVALID_CONFIG", false)                                                               \
    X(UNSUPPORTED_LANGUAGE_PAIR, "UNSUPPORTED_LANGUAGE_PAIR", false)                                         \
    X(FRAGMENT_TOO_LARGE, "FRAGMENT_TOO_LARGE", false)                                                       \
    X(INVALID_SEQUENCE, "INVALID_SEQUENCE", false)                                                           \
    X(INVALID_AUDIO_FORMAT, "INVALID_AUDIO_FORMAT", false)                                                   \
    X(DURATION_MISMATCH_EXCEEDED, "DURATION_MISMATCH_EXCEEDED", false)                                       \
    X(ASR_FAILED, "ASR_FAILED", false)                                                                       \
    X(TRANSLATION_FAILED, "TRANSLATION_FAILED", false)                                                       \
    X(TTS_SYNTHESIS_FAILED, "TTS_SYNTHESIS_FAILED", false)                                                   \
    X(HALLUCINATION_SUSPECTED, "HALLUCINATION_SUSPECTED", false)

enum dub_error_code {
#define X(name, wire, retryable) DUB_ERROR_##name,
    DUB_ERROR_CODES(X)
#undef X
        DUB_ERROR_CODE_COUNT
};

/* X(enum suffix, wire name): the stage of the speech pipeline an error belongs to. */
#define DUB_STAGES(X)                                                                                        \
    X(NONE, "")                                                                                              \
    X(INPUT, "input")                                                                                        \
    X(ASR, "asr")                                                                                            \
    X(TRANSLATION, "translation")                                                                            \
    X(TTS, "tts")                                                                                            \
    X(OUTPUT, "output")

enum dub_stage {
#define X(name, wire) DUB_STAGE_##name,
    DUB_STAGES(X)
#undef X
        DUB_STAGE_COUNT
};

/* The message is UTF-8, one line, and says what was found and what to do about it. */
struct dub_error {
    enum dub_error_code code;
    enum dub_stage stage;
    bool retryable;
    char message[256];
};

/* Fills *error (which may be NULL) with the code's default retryable and the formatted message, cut at a
 * character boundary where too long. Always returns false, so that `return dub_error_set(...)` reads well. */
bool dub_error_set(struct dub_error *error, enum dub_error_code code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* As dub_error_set, for a stage of the speech pipeline. */
bool dub_error_set_stage(struct dub_error *error, enum dub_error_code code, enum dub_stage stage,
                         const char *format, ...) G_GNUC_PRINTF(4, 5);

/* Converts and frees *gerror (may be NULL inside); prefix names what was being done. Returns false. */
bool dub_error_take_gerror(struct dub_error *error, enum dub_error_code code, const char *prefix,
                           GError **gerror);

/* "prefix: strerror(errnum)". Returns false. */
bool dub_error_set_errno(struct dub_error *error, enum dub_error_code code, int errnum, const char *format,
                         ...) G_GNUC_PRINTF(4, 5);

const char *dub_error_code_name(enum dub_error_code code);
bool dub_error_code_retryable(enum dub_error_code code);
/* DUB_ERROR_CODE_COUNT for a name that is not in the table. */
enum dub_error_code dub_error_code_from_name(const char *name);
const char *dub_stage_name(enum dub_stage stage);
/* DUB_STAGE_COUNT for a name that is not in the table. */
enum dub_stage dub_stage_from_name(const char *name);
