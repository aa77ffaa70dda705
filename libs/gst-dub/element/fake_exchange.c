/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_exchange.h"

#include <math.h>
#include <pthread.h>

struct dub_exchange {
    struct dub_exchange_events events;
    void *user;
    GQueue waiting;     /* struct dub_exchange_fragment, not yet taken */
    GArray *unanswered; /* uint64_t, submitted and not handed back */
    unsigned submitted;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static struct dub_exchange *current;
static bool refusing;
static int64_t rtt = -1;

struct dub_exchange *dub_exchange_new(const struct dub_exchange_config *config,
                                      const struct dub_exchange_events *events, void *user)
{
    struct dub_exchange *exchange = g_new0(struct dub_exchange, 1);
    g_assert_nonnull(config->url);
    exchange->events = *events;
    exchange->user = user;
    exchange->unanswered = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    g_queue_init(&exchange->waiting);
    pthread_mutex_lock(&lock);
    g_assert_null(current);
    current = exchange;
    refusing = false;
    rtt = -1;
    pthread_mutex_unlock(&lock);
    return exchange;
}

bool dub_exchange_submit(struct dub_exchange *exchange, struct dub_exchange_fragment *fragment)
{
    pthread_mutex_lock(&lock);
    bool accepted = !refusing;
    if (accepted) {
        g_queue_push_tail(&exchange->waiting, g_memdup2(fragment, sizeof(*fragment)));
        g_array_append_val(exchange->unanswered, fragment->id);
        exchange->submitted++;
        pthread_cond_broadcast(&came);
    }
    pthread_mutex_unlock(&lock);
    return accepted;
}

int64_t dub_exchange_rtt_p95_ns(struct dub_exchange *exchange, int64_t fallback_ns)
{
    pthread_mutex_lock(&lock);
    int64_t result = rtt >= 0 ? rtt : fallback_ns;
    pthread_mutex_unlock(&lock);
    return result;
}

void dub_exchange_get_stats(struct dub_exchange *exchange, struct dub_exchange_stats *stats)
{
    pthread_mutex_lock(&lock);
    *stats = (struct dub_exchange_stats){.connected = true,
                                         .fragments_sent = exchange->submitted,
                                         .inflight = exchange->unanswered->len,
                                         .rtt_counts = {1, 2},
                                         .rtt_sum_ms = 120};
    pthread_mutex_unlock(&lock);
}

static void hand_back(struct dub_exchange *exchange, struct dub_exchange_result *result)
{
    pthread_mutex_lock(&lock);
    bool known = false;
    for (guint i = 0; i < exchange->unanswered->len && !known; i++) {
        known = g_array_index(exchange->unanswered, uint64_t, i) == result->id;
        if (known)
            g_array_remove_index(exchange->unanswered, i);
    }
    pthread_mutex_unlock(&lock);
    g_assert_true(known);
    exchange->events.on_result(result, exchange->user);
    g_free(result->samples);
}

void dub_exchange_free(struct dub_exchange *exchange)
{
    if (exchange == NULL)
        return;
    while (exchange->unanswered->len > 0) {
        struct dub_exchange_result result = {.id = g_array_index(exchange->unanswered, uint64_t, 0)};
        dub_error_set(&result.error, DUB_ERROR_CANCELLED, "closing");
        hand_back(exchange, &result);
    }
    struct dub_exchange_fragment *fragment;
    while ((fragment = g_queue_pop_head(&exchange->waiting)) != NULL) {
        g_free(fragment->samples);
        g_free(fragment);
    }
    pthread_mutex_lock(&lock);
    current = NULL;
    pthread_mutex_unlock(&lock);
    g_array_unref(exchange->unanswered);
    g_free(exchange);
}

static bool take_locked(struct dub_exchange_fragment *fragment)
{
    g_autofree struct dub_exchange_fragment *head = g_queue_pop_head(&current->waiting);
    if (head != NULL)
        *fragment = *head;
    return head != NULL;
}

bool fake_exchange_try_take(struct dub_exchange_fragment *fragment)
{
    pthread_mutex_lock(&lock);
    bool taken = take_locked(fragment);
    pthread_mutex_unlock(&lock);
    return taken;
}

bool fake_exchange_take(struct dub_exchange_fragment *fragment)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 10;
    int timed_out = 0;
    pthread_mutex_lock(&lock);
    bool taken = take_locked(fragment);
    while (!taken && timed_out == 0) {
        timed_out = pthread_cond_timedwait(&came, &lock, &deadline);
        taken = take_locked(fragment);
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

void fake_exchange_answer(uint64_t id, const int16_t *samples, unsigned n_samples, unsigned rate_hz)
{
    struct dub_exchange_result result = {
        .id = id,
        .dubbed = true,
        .samples = g_memdup2(samples, n_samples * sizeof(int16_t)),
        .n_samples = n_samples,
        .rate_hz = rate_hz,
        .fragment_id = "00000000-0000-4000-8000-000000000000",
        .transcript = "hello",
        .translated_text = "hola",
        .speed_ratio = 1.1,
        .rtt_ms = 700,
        .asr_ms = 300,
        .translation_ms = 2,
        .tts_ms = 40,
    };
    hand_back(current, &result);
}

void fake_exchange_answer_tone(uint64_t id, double frequency_hz, double amplitude, int64_t duration_ns,
                               unsigned rate_hz)
{
    unsigned n_samples = (unsigned)(duration_ns * rate_hz / DUB_NS_PER_S);
    int16_t *samples = g_new(int16_t, n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        samples[i] = (int16_t)lrint(32767 * amplitude * sin(2 * M_PI * frequency_hz * i / rate_hz));
    fake_exchange_answer(id, samples, n_samples, rate_hz);
    g_free(samples);
}

void fake_exchange_answer_no_speech(uint64_t id)
{
    struct dub_exchange_result result = {
        .id = id, .no_speech = true, .fragment_id = "", .transcript = "", .translated_text = ""};
    hand_back(current, &result);
}

void fake_exchange_fail(uint64_t id, enum dub_error_code code)
{
    struct dub_exchange_result result = {
        .id = id, .fragment_id = "", .transcript = "", .translated_text = ""};
    dub_error_set(&result.error, code, "made by the test");
    hand_back(current, &result);
}

void fake_exchange_refuse(bool refuse)
{
    pthread_mutex_lock(&lock);
    refusing = refuse;
    pthread_mutex_unlock(&lock);
}

void fake_exchange_set_rtt(int64_t rtt_ns)
{
    pthread_mutex_lock(&lock);
    rtt = rtt_ns;
    pthread_mutex_unlock(&lock);
}

unsigned fake_exchange_submitted(void)
{
    pthread_mutex_lock(&lock);
    unsigned n = current != NULL ? current->submitted : 0;
    pthread_mutex_unlock(&lock);
    return n;
}

bool fake_exchange_exists(void)
{
    pthread_mutex_lock(&lock);
    bool exists = current != NULL;
    pthread_mutex_unlock(&lock);
    return exists;
}
