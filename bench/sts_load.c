/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The load of sts_pipeline.py and sts_soak.py: streams that send fragments of speech from files, at an
 * interval or as fast as they go, and come back after a while if so told. Prints one line per answer:
 *
 *   FRAGMENT_ID ROUND_TRIP_US ASR_MS TRANSLATION_MS TTS_MS STATUS [STAGE:CODE]
 *
 * All streams share one main loop. A round trip begins before a fragment is written as JSON and ends when the
 * answer has been read: it is what a worker sees. */
#include "sts_stream.h"

#include <dubbing_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 1
#define WINDOW_MAX 10
#define STUCK_S 60

static struct {
    int n_streams;
    int n_fragments;
    int interval_ms;
    int window;
    int reconnect_every;
    int rate_hz;
    char **files;
} options = {.n_streams = 1, .n_fragments = 100, .window = 1, .rate_hz = 16000};

static const GOptionEntry entries[] = {
    {"streams", 0, 0, G_OPTION_ARG_INT, &options.n_streams, "streams at a time", "N"},
    {"fragments", 0, 0, G_OPTION_ARG_INT, &options.n_fragments, "answers of all streams together", "N"},
    {"interval-ms", 0, 0, G_OPTION_ARG_INT, &options.interval_ms, "of one stream; 0: as fast as they go",
     "MS"},
    {"window", 0, 0, G_OPTION_ARG_INT, &options.window, "fragments in flight per stream (1..10)", "N"},
    {"reconnect-every", 0, 0, G_OPTION_ARG_INT, &options.reconnect_every, "answers of a stream; 0: never",
     "N"},
    {"rate", 0, 0, G_OPTION_ARG_INT, &options.rate_hz, "of the files", "HZ"},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.files, "mono S16LE", "URL FILE..."},
    {NULL},
};

struct sent {
    char id[40];
    int64_t at_us; /* 0: free */
};

struct load;

struct stream {
    struct load *load;
    char id[32];
    struct bench_stream link;
    struct sent sent[WINDOW_MAX];
    unsigned n_in_flight;
    int n_answered; /* on this connection */
    guint timer;
};

struct load {
    GMainLoop *loop;
    const char *url;
    GArray *clips; /* of struct bench_clip */
    struct stream *streams;
    int n_answered;
    unsigned next_clip;
    int64_t progress_us;
    const char *failure; /* NULL: none */
};

static void fail(struct load *load, const char *what)
{
    if (load->failure == NULL)
        load->failure = what;
    g_main_loop_quit(load->loop);
}

static struct sent *free_place(struct stream *stream)
{
    for (int i = 0; i < options.window; i++)
        if (stream->sent[i].at_us == 0)
            return &stream->sent[i];
    return NULL;
}

static void send_fragment(struct stream *stream)
{
    struct load *load = stream->load;
    struct sent *sent = free_place(stream);
    if (sent == NULL || stream->link.socket == NULL || load->n_answered >= options.n_fragments)
        return;
    const struct bench_clip *clip =
        &g_array_index(load->clips, struct bench_clip, load->next_clip++ % load->clips->len);
    g_autofree char *id = dub_uuid_new();
    g_strlcpy(sent->id, id, sizeof(sent->id));
    sent->at_us = g_get_monotonic_time();
    stream->n_in_flight++;
    bench_stream_send(&stream->link, id, clip);
}

static gboolean on_fragment_due(void *data)
{
    send_fragment(data);
    return G_SOURCE_CONTINUE;
}

static gboolean on_first_fragment_due(void *data)
{
    struct stream *stream = data;
    stream->timer = g_timeout_add((guint)options.interval_ms, on_fragment_due, stream);
    send_fragment(stream);
    return G_SOURCE_REMOVE;
}

static void on_ready(void *user)
{
    struct stream *stream = user;
    static GRand *random;
    if (options.interval_ms == 0) {
        for (int i = 0; i < options.window; i++)
            send_fragment(stream);
        return;
    }
    if (random == NULL)
        random = g_rand_new_with_seed(SEED);
    stream->timer = g_timeout_add((guint)g_rand_int_range(random, 0, options.interval_ms) + 1,
                                  on_first_fragment_due, stream);
}

static bool open_stream(struct stream *stream);

/* The connection goes away with what is in flight on it, as if the worker had died, and a new one comes. */
static gboolean reconnect(void *data)
{
    struct stream *stream = data;
    g_clear_handle_id(&stream->timer, g_source_remove);
    bench_stream_close(&stream->link);
    if (!open_stream(stream))
        fail(stream->load, "a connection could not be made again");
    return G_SOURCE_REMOVE;
}

static int64_t timing(JsonObject *processed, const char *name)
{
    JsonObject *timings = json_object_has_member(processed, "stage_timings")
                              ? json_object_get_object_member(processed, "stage_timings")
                              : NULL;
    return timings != NULL ? json_object_get_int_member_with_default(timings, name, 0) : 0;
}

/* " asr:TIMEOUT" where the answer has an error. */
static char *error_of(JsonObject *processed)
{
    JsonNode *node = json_object_get_member(processed, "error");
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return g_strdup("");
    JsonObject *error = json_node_get_object(node);
    return g_strdup_printf(" %s:%s", json_object_get_string_member_with_default(error, "stage", "?"),
                           json_object_get_string_member_with_default(error, "code", "?"));
}

static void print_answer(const struct sent *sent, JsonObject *processed)
{
    g_autofree char *error = error_of(processed);
    printf("%s %" G_GINT64_FORMAT " %d %d %d %s%s\n", sent->id, g_get_monotonic_time() - sent->at_us,
           (int)timing(processed, "asr_ms"), (int)timing(processed, "translation_ms"),
           (int)timing(processed, "tts_ms"),
           json_object_get_string_member_with_default(processed, "status", "?"), error);
    fflush(stdout);
}

static void on_processed(JsonObject *processed, void *user)
{
    struct stream *stream = user;
    struct load *load = stream->load;
    const char *id = json_object_get_string_member_with_default(processed, "fragment_id", "");
    struct sent *sent = NULL;
    for (int i = 0; i < options.window && sent == NULL; i++)
        if (stream->sent[i].at_us != 0 && strcmp(stream->sent[i].id, id) == 0)
            sent = &stream->sent[i];
    if (sent == NULL) {
        fail(load, "an answer to what was not asked");
        return;
    }
    print_answer(sent, processed);
    sent->at_us = 0;
    stream->n_in_flight--;
    stream->n_answered++;
    load->progress_us = g_get_monotonic_time();
    if (++load->n_answered >= options.n_fragments)
        g_main_loop_quit(load->loop);
    else if (options.reconnect_every > 0 && stream->n_answered == options.reconnect_every)
        g_idle_add(reconnect, stream);
    else if (options.interval_ms == 0)
        send_fragment(stream);
}

static void on_failed(const char *what, void *user)
{
    fail(((struct stream *)user)->load, what);
}

static const struct bench_stream_events stream_events = {on_ready, on_processed, on_failed};

static bool open_stream(struct stream *stream)
{
    const struct bench_stream_config config = {.url = stream->load->url,
                                               .id = stream->id,
                                               .rate_hz = options.rate_hz,
                                               .max_inflight = options.window,
                                               .timeout_ms = 30000};
    memset(stream->sent, 0, sizeof(stream->sent));
    stream->n_in_flight = 0;
    stream->n_answered = 0;
    return bench_stream_open(&stream->link, &config, &stream_events, stream);
}

static bool read_clips(struct load *load, char **paths)
{
    load->clips = g_array_new(FALSE, FALSE, sizeof(struct bench_clip));
    for (; *paths != NULL; paths++) {
        g_autofree char *data = NULL;
        gsize size = 0;
        if (!g_file_get_contents(*paths, &data, &size, NULL)) {
            fprintf(stderr, "sts-load: cannot read %s\n", *paths);
            return false;
        }
        struct bench_clip clip = {g_base64_encode((const guchar *)data, size),
                                  (int64_t)size * 1000 / 2 / options.rate_hz};
        g_array_append_val(load->clips, clip);
    }
    return load->clips->len > 0;
}

static gboolean on_tick(void *data)
{
    struct load *load = data;
    if (g_get_monotonic_time() - load->progress_us > STUCK_S * G_USEC_PER_SEC)
        fail(load, "no answer for a minute");
    return G_SOURCE_CONTINUE;
}

static int run(struct load *load)
{
    bool opened = true;
    load->loop = g_main_loop_new(NULL, FALSE);
    load->streams = g_new0(struct stream, (gsize)options.n_streams);
    load->progress_us = g_get_monotonic_time();
    g_timeout_add_seconds(1, on_tick, load);
    for (int i = 0; opened && i < options.n_streams; i++) {
        load->streams[i].load = load;
        g_snprintf(load->streams[i].id, sizeof(load->streams[i].id), "bench-%d", i);
        opened = open_stream(&load->streams[i]);
    }
    if (opened)
        g_main_loop_run(load->loop);
    for (int i = 0; i < options.n_streams; i++)
        bench_stream_close(&load->streams[i].link);
    if (load->failure != NULL)
        fprintf(stderr, "sts-load: %s\n", load->failure);
    return opened && load->failure == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    struct load load = {0};
    g_option_context_add_main_entries(context, entries, NULL);
    bool parsed = g_option_context_parse(context, &argc, &argv, NULL);
    if (!parsed || options.files == NULL || options.files[0] == NULL || options.window < 1 ||
        options.window > WINDOW_MAX || options.n_streams < 1) {
        fprintf(stderr, "usage: sts-load [OPTION...] URL FILE...\n");
        return 2;
    }
    load.url = options.files[0];
    return read_clips(&load, options.files + 1) ? run(&load) : EXIT_FAILURE;
}
