/* The conversation with the sts-service for one stream: protocol.md section 1, client side.
 *
 * It owns a thread and a GMainContext on which the Socket.IO client lives. It connects, announces the stream,
 * sends fragments as far as flow control and the circuit breaker allow, and hands every fragment back exactly
 * once: with a dub or with the reason why there is none. It never blocks its caller and never gives up
 * reconnecting. */
#pragma once

#include <dubbing_clock.h>
#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What is sent and asked for: mono S16 (native endian) at this rate. */
#define DUB_EXCHANGE_RATE_HZ 24000

struct dub_exchange;

/* Copied by dub_exchange_new. */
struct dub_exchange_config {
    const char *url; /* http(s)://host:port, or with /ws/sts or /socket.io/ as path */
    const char *api_key;
    const char *stream_id;
    const char *worker_id;
    const char *source_language;
    const char *target_language;
    const char *voice_profile;
    unsigned max_inflight;   /* 1..10 */
    unsigned timeout_ms;     /* 1000..30000: an answer later than this after sending is a TIMEOUT */
    const char *capture_dir; /* each fragment's audio is kept there (capture.h); NULL or "": it is not */
    const struct dub_clock *clock;
};

/* One stretch of speech. */
struct dub_exchange_fragment {
    uint64_t id;      /* the caller's own number, handed back with the result */
    int64_t start_ns; /* position on the input timeline */
    int64_t duration_ns;
    int64_t max_duration_ns; /* the slot the dub may fill (>= duration) */
    int64_t deadline_ns; /* on config.clock: no use for an answer after this. INT64_MAX: none (not live) */
    int16_t *samples;    /* owned; g_free */
    unsigned n_samples;
};

/* Borrowed for the callback. */
struct dub_exchange_result {
    uint64_t id;
    bool dubbed;      /* false: error says why; samples is NULL */
    bool no_speech;   /* the service heard none: neither dubbed nor an error */
    int16_t *samples; /* mono S16 at rate_hz; steal by setting to NULL, freed with g_free */
    unsigned n_samples;
    unsigned rate_hz;
    const char *fragment_id; /* the UUID used on the wire; "" when it was never sent */
    const char *transcript;  /* "" when absent */
    const char *translated_text;
    double speed_ratio;                             /* 0 when absent */
    int64_t rtt_ms, asr_ms, translation_ms, tts_ms; /* 0 when absent */
    struct dub_error error; /* reason of a failure: a protocol code, or UNAVAILABLE (not connected, breaker
                               open, paused), CANCELLED (closing) */
};

#define DUB_EXCHANGE_ENGINE_BYTES 128

enum dub_breaker_state { DUB_BREAKER_CLOSED, DUB_BREAKER_HALF_OPEN, DUB_BREAKER_OPEN };

/* A snapshot. rtt_counts are per bucket of 50, 100, 250, 500, 1000, 2000, 4000, 8000 ms and +Inf. */
struct dub_exchange_stats {
    bool connected;      /* stream:ready has been seen on the current connection */
    uint64_t reconnects; /* connections made after the first */
    uint64_t fragments_sent;
    unsigned inflight;
    enum dub_breaker_state breaker;
    unsigned backpressure; /* 0 none, 1 low, 2 medium, 3 high */
    uint64_t rtt_counts[9];
    double rtt_sum_ms;
    uint64_t late_answers;    /* came after the fragment had already been handed back */
    uint64_t ignored_answers; /* never asked for, sent twice, for another number or stream, or unreadable */
    /* Which engine and model the service has used last, as it calls them; "": not known. */
    struct dub_exchange_engines {
        char asr[DUB_EXCHANGE_ENGINE_BYTES], translation[DUB_EXCHANGE_ENGINE_BYTES],
            tts[DUB_EXCHANGE_ENGINE_BYTES];
    } engines;
};

struct dub_exchange_events {
    /* On the exchange's thread, exactly once per accepted fragment, in any order; must not block. */
    void (*on_result)(struct dub_exchange_result *result, void *user);
    /* NULL: not wanted. The fragment leaves, under this id; its result follows. */
    void (*on_sent)(uint64_t id, const char *fragment_id, void *user);
};

/* Starts the thread and the first connection attempt; never fails for a service that is not there. */
struct dub_exchange *dub_exchange_new(const struct dub_exchange_config *config,
                                      const struct dub_exchange_events *events, void *user);
/* Any thread. Takes the samples. Refused (false, samples still the caller's) only when the bounded queue is
 * full or after close; otherwise on_result follows. */
bool dub_exchange_submit(struct dub_exchange *exchange, struct dub_exchange_fragment *fragment);
/* Any thread. The 95th percentile of recent round trips in ns, or fallback_ns before there are five. */
int64_t dub_exchange_rtt_p95_ns(struct dub_exchange *exchange, int64_t fallback_ns);
/* Any thread. */
void dub_exchange_get_stats(struct dub_exchange *exchange, struct dub_exchange_stats *stats);
/* Sends stream:end, hands back what is in flight as CANCELLED, joins the thread. NULL is fine. Not from a
 * callback. */
void dub_exchange_free(struct dub_exchange *exchange);
