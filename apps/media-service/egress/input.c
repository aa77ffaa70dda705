/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "input.h"

#include "../shared/location.h"
#include "../shared/reconnect.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <dubbing_rtmp_link.h>

struct input {
    char *url;
    struct input_events events;
    void *user;
    struct reconnect reconnect;
    guint retry_timer;
    struct rtmp_link *link; /* NULL: not connected, and not trying */
    int64_t heard_ns;       /* when the connection began or something came last; 0: not ready yet */
    bool came;              /* it was there once */
    bool up;
    bool said; /* this outage has been logged */
    int64_t bytes;
    int64_t reconnects;
};

static void connect_input(struct input *input);

static int64_t now_ns(void)
{
    return dub_clock_now_ns(dub_clock_monotonic());
}

static void disconnect(struct input *input)
{
    g_clear_pointer(&input->link, rtmp_link_free);
    input->heard_ns = 0;
}

static gboolean on_retry(gpointer data)
{
    struct input *input = data;
    input->retry_timer = 0;
    connect_input(input);
    return G_SOURCE_REMOVE;
}

/* Once per outage: an attempt follows the other every few seconds. */
static void log_loss(struct input *input, const char *reason)
{
    g_autofree char *masked = location_mask_in(input->url, reason);
    dub_log(input->said ? DUB_LOG_DEBUG : DUB_LOG_WARN, NULL, "input %s (%s): trying again",
            input->came ? "lost" : "not there yet", masked);
    input->said = true;
}

static void lose(struct input *input, const char *reason)
{
    bool was_up = input->up;
    log_loss(input, reason);
    disconnect(input);
    input->up = false;
    int64_t wait_ns = reconnect_lost(&input->reconnect, now_ns());
    if (wait_ns >= 0)
        input->retry_timer = g_timeout_add((guint)(wait_ns / DUB_NS_PER_MS), on_retry, input);
    if (was_up)
        input->events.on_down(input->user);
    if (wait_ns < 0)
        input->events.on_given_up(input->came, input->user);
}

static void note_up(struct input *input)
{
    g_autofree char *url = dub_url_mask(input->url);
    dub_log_info("input %s is %s", url, input->came ? "back" : "there");
    input->reconnects += input->came ? 1 : 0;
    input->came = input->up = true;
    input->said = false;
    reconnect_restored(&input->reconnect);
    input->events.on_up(input->user);
}

static void on_ready(void *user)
{
    struct input *input = user;
    input->heard_ns = now_ns();
}

static void on_message(const struct rtmp_message *message, void *user)
{
    struct input *input = user;
    if (!input->up)
        note_up(input);
    input->heard_ns = now_ns();
    input->bytes += (int64_t)g_bytes_get_size(message->payload);
    input->events.on_message(message, input->user);
}

static void on_ended(void *user)
{
    lose(user, "it ended");
}

static void on_failed(const char *reason, void *user)
{
    lose(user, reason);
}

static void connect_input(struct input *input)
{
    static const struct rtmp_link_events events = {.on_ready = on_ready,
                                                   .on_media = on_message,
                                                   .on_data = on_message,
                                                   .on_ended = on_ended,
                                                   .on_failed = on_failed};
    input->link = rtmp_link_new(NULL, input->url, RTMP_CLIENT_PLAYER, &events, input, NULL);
    g_assert(input->link != NULL);
}

struct input *input_new(const char *url, int64_t grace_ns, const struct input_events *events, void *user)
{
    struct input *input = g_new0(struct input, 1);
    input->url = g_strdup(url);
    input->events = *events;
    input->user = user;
    reconnect_init(&input->reconnect, grace_ns);
    connect_input(input);
    return input;
}

void input_free(struct input *input)
{
    if (!input)
        return;
    g_clear_handle_id(&input->retry_timer, g_source_remove);
    disconnect(input);
    g_free(input->url);
    g_free(input);
}

void input_watch(struct input *input, int64_t at_ns)
{
    if (input->heard_ns != 0 && at_ns - input->heard_ns > INPUT_PATIENCE_S * DUB_NS_PER_S)
        lose(input, "nothing comes any more");
}

void input_get_facts(const struct input *input, struct input_facts *facts)
{
    *facts =
        (struct input_facts){.connected = input->up, .bytes = input->bytes, .reconnects = input->reconnects};
}
