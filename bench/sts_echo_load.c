/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The load of sts_echo.py: streams that each send a fragment of speech when a live speaker would have
 * finished it, and measure until the dub is back, checked. Prints one JSON object.
 *
 *   sts-echo-load URL STREAMS SECONDS
 *
 * All streams share one main loop. Their phases are random, the same in each run, so that fragments collide
 * as they do in life. A round trip begins before a fragment is written as JSON and ends when the answer has
 * been read: it is what a worker sees. */
#include "sts_stream.h"

#include <dubbing_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAGMENT_MS 2000
#define RATE_HZ 24000
#define AUDIO_BYTES (RATE_HZ / 1000 * FRAGMENT_MS * 2)
#define MAX_STREAMS 1000
#define WARM_UP_MS FRAGMENT_MS /* the first fragment of each stream is not counted */
#define SEED 1

struct load;

struct stream {
    struct load *load;
    char id[32];
    struct bench_stream link;
    unsigned answered;
    int64_t sent_us; /* of the fragment that is on its way; 0: none */
};

struct load {
    GMainLoop *loop;
    struct stream *streams;
    unsigned n_streams;
    unsigned n_ready;
    int64_t seconds;
    struct bench_clip clip;
    GArray *round_trips_us; /* of int64_t */
    unsigned n_overtaken;   /* not sent, because the one before was still on its way */
    const char *failure;    /* NULL: none */
};

static void fail(struct load *load, const char *what)
{
    if (load->failure == NULL)
        load->failure = what;
    g_main_loop_quit(load->loop);
}

/* Noise: speech that compresses as badly as it can. */
static char *make_audio(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(SEED);
    g_autofree guchar *bytes = g_malloc(AUDIO_BYTES);
    for (gsize i = 0; i < AUDIO_BYTES; i++)
        bytes[i] = (guchar)g_rand_int_range(random, 0, 256);
    return g_base64_encode(bytes, AUDIO_BYTES);
}

static void send_fragment(struct stream *stream)
{
    g_autofree char *id = dub_uuid_new();
    stream->sent_us = g_get_monotonic_time();
    bench_stream_send(&stream->link, id, &stream->load->clip);
}

static gboolean on_fragment_due(void *data)
{
    struct stream *stream = data;
    if (stream->sent_us != 0)
        stream->load->n_overtaken++;
    else
        send_fragment(stream);
    return G_SOURCE_CONTINUE;
}

static gboolean on_first_fragment_due(void *data)
{
    on_fragment_due(data);
    g_timeout_add(FRAGMENT_MS, on_fragment_due, data);
    return G_SOURCE_REMOVE;
}

static gboolean on_end(void *data)
{
    struct load *load = data;
    g_main_loop_quit(load->loop);
    return G_SOURCE_REMOVE;
}

static void start_talking(struct load *load)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(SEED);
    for (unsigned i = 0; i < load->n_streams; i++)
        g_timeout_add((guint)g_rand_int_range(random, 1, FRAGMENT_MS), on_first_fragment_due,
                      &load->streams[i]);
    g_timeout_add((guint)(WARM_UP_MS + load->seconds * 1000), on_end, load);
}

static bool is_echo(const struct load *load, JsonObject *processed)
{
    JsonObject *audio = json_object_has_member(processed, "dubbed_audio")
                            ? json_object_get_object_member(processed, "dubbed_audio")
                            : NULL;
    return audio != NULL && strcmp(json_object_get_string_member_with_default(audio, "data_base64", ""),
                                   load->clip.base64) == 0;
}

static void on_processed(JsonObject *processed, void *user)
{
    struct stream *stream = user;
    int64_t took_us = g_get_monotonic_time() - stream->sent_us;
    if (stream->sent_us == 0 || !is_echo(stream->load, processed)) {
        fail(stream->load, "an answer that is not the audio that was sent");
        return;
    }
    stream->sent_us = 0;
    if (stream->answered++ > 0)
        g_array_append_val(stream->load->round_trips_us, took_us);
}

static void on_ready(void *user)
{
    struct stream *stream = user;
    if (++stream->load->n_ready == stream->load->n_streams)
        start_talking(stream->load);
}

static void on_failed(const char *what, void *user)
{
    fail(((struct stream *)user)->load, what);
}

static const struct bench_stream_events stream_events = {on_ready, on_processed, on_failed};

static bool open_stream(struct load *load, unsigned i, const char *url)
{
    struct stream *stream = &load->streams[i];
    stream->load = load;
    g_snprintf(stream->id, sizeof stream->id, "bench-%u", i);
    const struct bench_stream_config config = {
        .url = url, .id = stream->id, .rate_hz = RATE_HZ, .max_inflight = 3, .timeout_ms = 8000};
    return bench_stream_open(&stream->link, &config, &stream_events, stream);
}

static int by_size(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* The smallest value that `percent` of all do not exceed, in ms. */
static double percentile_ms(const GArray *sorted, unsigned percent)
{
    guint rank = (sorted->len * percent + 99) / 100;
    return (double)g_array_index(sorted, int64_t, rank - 1) / 1000;
}

static int report(struct load *load)
{
    GArray *times = load->round_trips_us;
    if (load->failure == NULL && times->len == 0)
        load->failure = "no answer at all";
    if (load->failure != NULL) {
        fprintf(stderr, "sts-echo-load: %s\n", load->failure);
        return EXIT_FAILURE;
    }
    g_array_sort(times, by_size);
    printf("{\"fragments\": %u, \"p50Ms\": %.2f, \"p99Ms\": %.2f, \"maxMs\": %.2f, \"overtaken\": %u}\n",
           times->len, percentile_ms(times, 50), percentile_ms(times, 99), percentile_ms(times, 100),
           load->n_overtaken);
    return EXIT_SUCCESS;
}

static int run(struct load *load, const char *url)
{
    load->loop = g_main_loop_new(NULL, FALSE);
    load->streams = g_new0(struct stream, load->n_streams);
    load->clip = (struct bench_clip){make_audio(), FRAGMENT_MS};
    load->round_trips_us = g_array_new(FALSE, FALSE, sizeof(int64_t));
    bool opened = true;
    for (unsigned i = 0; opened && i < load->n_streams; i++)
        opened = open_stream(load, i, url);
    if (opened)
        g_main_loop_run(load->loop);
    int code = opened ? report(load) : EXIT_FAILURE;
    for (unsigned i = 0; i < load->n_streams; i++)
        bench_stream_close(&load->streams[i].link);
    g_array_unref(load->round_trips_us);
    g_free(load->clip.base64);
    g_free(load->streams);
    g_main_loop_unref(load->loop);
    return code;
}

int main(int argc, char **argv)
{
    guint64 n_streams = 0;
    guint64 seconds = 0;
    if (argc != 4 || !g_ascii_string_to_unsigned(argv[2], 10, 1, MAX_STREAMS, &n_streams, NULL) ||
        !g_ascii_string_to_unsigned(argv[3], 10, 1, 3600, &seconds, NULL)) {
        fprintf(stderr, "usage: %s URL STREAMS SECONDS\n", argv[0]);
        return 2;
    }
    struct load load = {.n_streams = (unsigned)n_streams, .seconds = (int64_t)seconds};
    return run(&load, argv[1]);
}
