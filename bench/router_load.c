/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Publishers and readers for an RTMP server, all in one thread and with one clock: what is sent carries its
 * number and time, so that losses, changed bytes and delay are seen where it arrives.
 *
 * Prints one JSON object when everything runs, and one at the end. */
#include "router_flow.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define FRAMES_PER_S 30
#define FRAMES_PER_KEY 60
#define KEY_TIMES 4 /* a key frame beside the mean */
#define AUDIO_BYTES 341
#define AUDIO_FRAMES 1024
#define AUDIO_HZ 48000
#define RETRY_NS (50 * NS_PER_MS)
#define PATIENCE_NS (30 * NS_PER_S)

static char *address, *app;
static int n_publishers = 1, n_readers, n_joins, seconds = 10, bitrate = 6000000;
static gboolean until_eof;

static const GOptionEntry entries[] = {
    {"address", 0, 0, G_OPTION_ARG_STRING, &address, "the server, 127.0.0.1:1935", "HOST:PORT"},
    {"app", 0, 0, G_OPTION_ARG_STRING, &app, "paths are APP/0, APP/1, ...", "APP"},
    {"publishers", 0, 0, G_OPTION_ARG_INT, &n_publishers, "how many, each on its own path", "N"},
    {"readers", 0, 0, G_OPTION_ARG_INT, &n_readers, "how many, spread over the paths", "N"},
    {"joins", 0, 0, G_OPTION_ARG_INT, &n_joins, "readers that come one by one, for their first picture only",
     "N"},
    {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "how long, once everything runs", "N"},
    {"until-eof", 0, 0, G_OPTION_ARG_NONE, &until_eof, "until standard input ends instead", NULL},
    {"bitrate", 0, 0, G_OPTION_ARG_INT, &bitrate, "of one stream, bits a second", "N"},
    {NULL},
};

struct publisher {
    struct flow flow;
    int64_t begin_ns; /* when its stream began; 0: not yet */
};

struct reader {
    struct flow flow;
    bool started, closed; /* closed: after it had begun */
    int64_t retry_ns;     /* open it again then; 0: it is open */
    int64_t first_key_ns; /* after connecting */
    uint64_t count[N_FLOW_KINDS], next[N_FLOW_KINDS];
    uint64_t gaps, wrong;
};

static struct {
    struct sockaddr_in server;
    int epoll;
    struct publisher *publishers;
    struct reader *readers;
    struct reader join;
    bool joining;
    int64_t next_join_ns;
    int64_t now_ns; /* of the last receive */
    int64_t running_ns, stopped_ns;
    bool eof;
    GArray *delays_us, *joins_ms;
    int64_t latest_ns; /* the worst that this program itself was late with a message */
} load;

static void watch(struct flow *flow, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = flow};
    if (flow->state != FLOW_CLOSED)
        epoll_ctl(load.epoll, operation, flow->fd, &event);
}

static void note_delay(const struct reader *reader, const struct flow_seen *seen)
{
    if (load.running_ns == 0 || seen->sent_ns < load.running_ns || reader == &load.join)
        return;
    guint32 us = (guint32)((load.now_ns - seen->sent_ns) / 1000);
    g_array_append_val(load.delays_us, us);
}

static void on_seen(struct flow *flow, const struct flow_seen *seen, void *user)
{
    struct reader *reader = user;
    uint64_t *next = &reader->next[seen->kind];
    if (!seen->is_whole)
        reader->wrong++;
    else if (reader->count[seen->kind] > 0 && seen->number != *next)
        reader->gaps++;
    reader->count[seen->kind]++;
    *next = seen->number + 1;
    if (seen->is_key && reader->first_key_ns == 0)
        reader->first_key_ns = load.now_ns - flow->connected_ns;
    note_delay(reader, seen);
}

static void open_reader(struct reader *reader, size_t path)
{
    char key[24];
    snprintf(key, sizeof key, "%zu", path);
    flow_open(&reader->flow, FLOW_PLAY, &load.server, app, key);
    reader->flow.seen = on_seen;
    reader->flow.user = reader;
    reader->retry_ns = 0;
    watch(&reader->flow, EPOLLIN, EPOLL_CTL_ADD);
}

static void close_reader(struct reader *reader)
{
    flow_close(&reader->flow);
    if (reader->count[FLOW_VIDEO] > 0 || load.running_ns != 0)
        reader->closed = true;
    else
        reader->retry_ns = flow_now_ns() + RETRY_NS;
}

static void reopen(struct reader *reader, size_t path)
{
    memset(&reader->flow, 0, sizeof reader->flow);
    open_reader(reader, path);
}

static void end_join(bool seen)
{
    double ms = (double)load.join.first_key_ns / 1e6;
    if (seen)
        g_array_append_val(load.joins_ms, ms);
    flow_close(&load.join.flow);
    load.joining = false;
}

static void turn_join(int64_t now_ns)
{
    const int64_t pause_ns = 370 * NS_PER_MS; /* in no step with the key frames */
    if (load.running_ns == 0 || load.joining || load.joins_ms->len >= (guint)n_joins ||
        now_ns < load.next_join_ns)
        return;
    memset(&load.join, 0, sizeof load.join);
    open_reader(&load.join, 0);
    load.joining = true;
    load.next_join_ns = now_ns + pause_ns;
}

static uint32_t video_bytes(uint64_t frame)
{
    const uint32_t audio_bits = AUDIO_BYTES * 8 * AUDIO_HZ / AUDIO_FRAMES;
    uint32_t mean = ((uint32_t)bitrate - audio_bits) / 8 / FRAMES_PER_S;
    if (frame % FRAMES_PER_KEY == 0)
        return mean * KEY_TIMES;
    return (mean * FRAMES_PER_KEY - mean * KEY_TIMES) / (FRAMES_PER_KEY - 1);
}

static int64_t due_ns(const struct publisher *publisher, enum flow_kind kind)
{
    int64_t n = (int64_t)publisher->flow.sent[kind];
    int64_t at = kind == FLOW_VIDEO ? n * NS_PER_S / FRAMES_PER_S : n * AUDIO_FRAMES * NS_PER_S / AUDIO_HZ;
    return publisher->begin_ns + at;
}

static void send_next(struct publisher *publisher, enum flow_kind kind)
{
    uint64_t number = publisher->flow.sent[kind];
    int64_t at_ns = due_ns(publisher, kind);
    uint32_t timestamp_ms = (uint32_t)((at_ns - publisher->begin_ns) / NS_PER_MS);
    load.latest_ns = MAX(load.latest_ns, flow_now_ns() - at_ns);
    flow_send(&publisher->flow, kind, kind == FLOW_VIDEO && number % FRAMES_PER_KEY == 0, timestamp_ms,
              kind == FLOW_VIDEO ? video_bytes(number) : AUDIO_BYTES);
    if (publisher->flow.out->len > 0)
        watch(&publisher->flow, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

/* Sends what is due; when the next message of all is due. */
static int64_t turn_publishers(void)
{
    int64_t next_ns = INT64_MAX;
    for (int i = 0; i < n_publishers; i++) {
        struct publisher *publisher = &load.publishers[i];
        if (publisher->flow.state != FLOW_RUNNING)
            continue;
        if (publisher->begin_ns == 0)
            publisher->begin_ns = flow_now_ns() + i * NS_PER_S / FRAMES_PER_S / n_publishers;
        for (enum flow_kind kind = 0; kind < N_FLOW_KINDS; kind++) {
            while (load.stopped_ns == 0 && due_ns(publisher, kind) <= flow_now_ns())
                send_next(publisher, kind);
            next_ns = MIN(next_ns, due_ns(publisher, kind));
        }
    }
    return next_ns;
}

static void turn_readers(int64_t now_ns)
{
    for (int i = 0; i < n_readers; i++) {
        struct reader *reader = &load.readers[i];
        if (!reader->started || (reader->retry_ns != 0 && now_ns >= reader->retry_ns))
            reopen(reader, (size_t)(i % n_publishers));
        reader->started = true;
    }
}

static bool all_run(void)
{
    for (int i = 0; i < n_publishers; i++)
        if (load.publishers[i].flow.state != FLOW_RUNNING ||
            load.publishers[i].flow.sent[FLOW_VIDEO] < FRAMES_PER_S)
            return false;
    for (int i = 0; i < n_readers; i++)
        if (load.readers[i].count[FLOW_VIDEO] == 0)
            return false;
    return true;
}

/* Readers have everything that their publishers have sent, or are gone. */
static bool all_drained(void)
{
    for (int i = 0; i < n_readers; i++) {
        const struct reader *reader = &load.readers[i];
        const struct publisher *publisher = &load.publishers[i % n_publishers];
        for (enum flow_kind kind = 0; kind < N_FLOW_KINDS; kind++)
            if (!reader->closed && reader->next[kind] != publisher->flow.sent[kind])
                return false;
    }
    return true;
}

static void on_event(struct epoll_event *event)
{
    struct flow *flow = event->data.ptr;
    load.now_ns = flow_now_ns();
    if ((event->events & EPOLLOUT) != 0) {
        flow_flush(flow);
        if (flow->out->len == 0)
            watch(flow, EPOLLIN, EPOLL_CTL_MOD);
    }
    bool alive = (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || flow_receive(flow);
    if (flow->role == FLOW_PLAY && flow->user == &load.join) {
        if (!alive || load.join.first_key_ns != 0)
            end_join(alive);
    } else if (!alive && flow->role == FLOW_PLAY) {
        close_reader(flow->user);
    } else if (!alive) {
        close(flow->fd);
        flow->fd = -1;
    }
}

static void wait_for_events(int64_t until_ns)
{
    struct epoll_event events[64];
    int64_t left_ns = CLAMP(until_ns - flow_now_ns(), 0, 20 * NS_PER_MS);
    struct timespec timeout = {.tv_nsec = left_ns};
    int n = epoll_pwait2(load.epoll, events, G_N_ELEMENTS(events), &timeout, NULL);
    for (int i = 0; i < n; i++) {
        char byte[64];
        if (events[i].data.ptr != NULL)
            on_event(&events[i]);
        else
            load.eof = read(STDIN_FILENO, byte, sizeof byte) <= 0;
    }
}

static bool is_over(int64_t now_ns)
{
    if (load.stopped_ns == 0 && load.running_ns != 0 &&
        (until_eof ? load.eof : now_ns - load.running_ns >= seconds * NS_PER_S) && !load.joining &&
        load.joins_ms->len >= (guint)n_joins)
        load.stopped_ns = now_ns;
    return load.stopped_ns != 0 && (all_drained() || now_ns - load.stopped_ns > PATIENCE_NS);
}

static void run(void)
{
    int64_t begin_ns = flow_now_ns();
    for (;;) {
        int64_t now_ns = flow_now_ns();
        if (load.running_ns == 0 && all_run()) {
            load.running_ns = now_ns;
            load.latest_ns = 0;
            g_print("{\"running\": true}\n");
            fflush(stdout);
        }
        if (load.running_ns == 0 && now_ns - begin_ns > PATIENCE_NS)
            g_error("not everything runs after 30 s: is a server at %s?", address);
        if (is_over(now_ns))
            return;
        turn_readers(now_ns);
        turn_join(now_ns);
        wait_for_events(turn_publishers());
    }
}

static int compare_us(gconstpointer a, gconstpointer b)
{
    guint32 first = *(const guint32 *)a, second = *(const guint32 *)b;
    return (first > second) - (first < second);
}

static int compare_ms(gconstpointer a, gconstpointer b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static double delay_ms(unsigned permille)
{
    guint n = load.delays_us->len;
    guint64 index = n == 0 ? 0 : (guint64)(n - 1) * permille / 1000;
    return n == 0 ? 0 : g_array_index(load.delays_us, guint32, index) / 1000.0;
}

static double join_ms(unsigned percent)
{
    guint n = load.joins_ms->len;
    return n == 0 ? 0 : g_array_index(load.joins_ms, double, (n - 1) * percent / 100);
}

static void report(void)
{
    uint64_t sent = 0, received = 0, gaps = 0, wrong = 0;
    unsigned closed = 0, short_of = 0, publishers_closed = 0;
    for (int i = 0; i < n_publishers; i++) {
        sent += load.publishers[i].flow.sent[FLOW_VIDEO] + load.publishers[i].flow.sent[FLOW_AUDIO];
        publishers_closed += load.publishers[i].flow.state == FLOW_CLOSED;
    }
    for (int i = 0; i < n_readers; i++) {
        const struct reader *reader = &load.readers[i];
        const struct flow *from = &load.publishers[i % n_publishers].flow;
        received += reader->count[FLOW_VIDEO] + reader->count[FLOW_AUDIO];
        gaps += reader->gaps;
        wrong += reader->wrong;
        closed += reader->closed;
        short_of += reader->next[FLOW_VIDEO] != from->sent[FLOW_VIDEO] ||
                    reader->next[FLOW_AUDIO] != from->sent[FLOW_AUDIO];
    }
    g_array_sort(load.delays_us, compare_us);
    g_array_sort(load.joins_ms, compare_ms);
    g_print("{\"sent\": %" G_GUINT64_FORMAT ", \"received\": %" G_GUINT64_FORMAT
            ", \"gaps\": %" G_GUINT64_FORMAT ", \"wrong\": %" G_GUINT64_FORMAT
            ", \"readersClosed\": %u, \"readersShort\": %u, "
            "\"publishersClosed\": %u, \"delayP50Ms\": %.3f, \"delayP99Ms\": %.3f, \"delayMaxMs\": %.3f, "
            "\"joinP50Ms\": %.1f, \"joinMaxMs\": %.1f, \"ownLatenessMs\": %.1f}\n",
            sent, received, gaps, wrong, closed, short_of, publishers_closed, delay_ms(500), delay_ms(990),
            delay_ms(1000), join_ms(50), join_ms(100), (double)load.latest_ns / 1e6);
}

static void open_publishers(void)
{
    for (int i = 0; i < n_publishers; i++) {
        char key[24];
        struct publisher *publisher = &load.publishers[i];
        snprintf(key, sizeof key, "%d", i);
        flow_open(&publisher->flow, FLOW_PUBLISH, &load.server, app, key);
        watch(&publisher->flow, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static bool parse_address(void)
{
    char *colon = strrchr(address != NULL ? address : (address = g_strdup("127.0.0.1:1935")), ':');
    g_autofree char *host = colon != NULL ? g_strndup(address, (size_t)(colon - address)) : NULL;
    load.server.sin_family = AF_INET;
    if (host == NULL || inet_pton(AF_INET, host, &load.server.sin_addr) != 1)
        return false;
    load.server.sin_port = htons((uint16_t)atoi(colon + 1));
    return true;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static bool parse_arguments(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- load for an RTMP server");
    g_autoptr(GError) error = NULL;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || n_publishers < 1 || n_readers < 0 ||
        n_joins < 0 || bitrate < 300000 || !parse_address()) {
        g_printerr("router-load: %s\n", error != NULL ? error->message
                                                      : "needs an address like 127.0.0.1:1935, a publisher, "
                                                        "and a bit rate of 300000 or more");
        return false;
    }
    if (app == NULL)
        app = g_strdup("load");
    return true;
}

int main(int argc, char **argv)
{
    if (!parse_arguments(argc, argv))
        return 2;
    raise_descriptor_limit();
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.publishers = g_new0(struct publisher, (size_t)n_publishers);
    load.readers = g_new0(struct reader, (size_t)n_readers);
    load.delays_us = g_array_new(FALSE, FALSE, sizeof(guint32));
    load.joins_ms = g_array_new(FALSE, FALSE, sizeof(double));
    if (until_eof)
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &(struct epoll_event){.events = EPOLLIN});
    open_publishers();
    run();
    report();
    for (int i = 0; i < n_publishers; i++)
        flow_close(&load.publishers[i].flow);
    for (int i = 0; i < n_readers; i++)
        flow_close(&load.readers[i].flow);
    return 0;
}
