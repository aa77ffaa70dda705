/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exchange's thread: the core (exchange_core.h) between a mailbox on the caller's side and a Socket.IO
 * client on the service's. Everything but what the lock guards belongs to the thread. */
#include "exchange.h"

#include "exchange_core.h"

#include <dubbing_mailbox.h>
#include <dubbing_socketio.h>
#include <pthread.h>
#include <string.h>

/* Fragments taken and not yet handed back; a second of speech or more each, so this is far behind live. */
#define MAX_OUTSTANDING 64
/* For stream:end and the closing handshake. */
#define FAREWELL_MS 500
/* A clock that is not the real one moves when its owner says so. */
#define OTHER_CLOCK_POLL_US 2000

struct dub_exchange {
    struct dub_exchange_events events;
    void *user;
    const struct dub_clock *clock;
    char *url;
    char *api_key; /* "" when there is none */
    char *stream_id;
    char *worker_id;
    GThread *thread;
    GMainContext *context;
    GMainLoop *loop;
    struct dub_mailbox *box;
    struct exchange_core *core;
    struct dub_capture *capture;   /* NULL: nothing is kept */
    struct dub_sio_client *client; /* the current attempt or connection; NULL: none */
    struct dub_sio_socket *socket; /* NULL: not connected */
    GPtrArray *leaving;            /* clients that were given up and are still closing */
    GPtrArray *dead;               /* clients that may be freed as soon as no callback of theirs runs */
    GSource *wake;
    GSource *bury;
    struct dub_error start_error; /* of an attempt that could not even start; code NONE: nothing to tell */
    bool stopping;

    pthread_mutex_t lock; /* guards what follows */
    bool closed;
    unsigned n_outstanding;
    struct dub_exchange_stats stats;
    struct rtt rtt;
};

enum message_kind { FRAGMENT, STOP };

struct message {
    enum message_kind kind;
    struct dub_exchange_fragment fragment;
};

static void message_free(void *data)
{
    struct message *message = data;
    g_free(message->fragment.samples);
    g_free(message);
}

static void publish(struct dub_exchange *exchange)
{
    struct dub_exchange_stats stats;
    exchange_core_get_stats(exchange->core, &stats);
    pthread_mutex_lock(&exchange->lock);
    exchange->stats = stats;
    exchange->rtt = *exchange_core_rtt(exchange->core);
    pthread_mutex_unlock(&exchange->lock);
}

static int64_t wait_us(const struct dub_exchange *exchange, int64_t wake_ns)
{
    int64_t left_ns = wake_ns - dub_clock_now_ns(exchange->clock);
    int64_t left_us = MAX(left_ns, 0) / DUB_NS_PER_US + 1;
    return exchange->clock == dub_clock_monotonic() ? left_us : MIN(left_us, OTHER_CLOCK_POLL_US);
}

static void schedule_wake(struct dub_exchange *exchange)
{
    int64_t wake_ns = exchange_core_wake_ns(exchange->core);
    int64_t ready_us = wake_ns == INT64_MAX ? -1 : g_get_monotonic_time() + wait_us(exchange, wake_ns);
    g_source_set_ready_time(exchange->wake, ready_us);
}

/* After every event: do what is due now, then sleep until something is. */
static void step(struct dub_exchange *exchange)
{
    exchange_core_run(exchange->core);
    if (exchange->start_error.code != DUB_ERROR_NONE) {
        struct dub_error error = exchange->start_error;
        exchange->start_error = (struct dub_error){0};
        exchange_core_lost(exchange->core, &error);
    }
    publish(exchange);
    schedule_wake(exchange);
}

static gboolean on_wake(GSource *source, GSourceFunc callback, gpointer data)
{
    g_source_set_ready_time(source, -1);
    return callback(data);
}

static gboolean on_wake_callback(void *data)
{
    step(data);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs wake_funcs = {.dispatch = on_wake};

static gboolean on_bury(void *data)
{
    struct dub_exchange *exchange = data;
    g_clear_pointer(&exchange->bury, g_source_unref);
    g_ptr_array_set_size(exchange->dead, 0);
    return G_SOURCE_REMOVE;
}

static void bury_later(struct dub_exchange *exchange, struct dub_sio_client *client)
{
    g_ptr_array_add(exchange->dead, client);
    if (exchange->bury != NULL)
        return;
    exchange->bury = g_idle_source_new();
    g_source_set_callback(exchange->bury, on_bury, exchange, NULL);
    g_source_attach(exchange->bury, exchange->context);
}

static void give_up_client(void *user)
{
    struct dub_exchange *exchange = user;
    struct dub_sio_client *client = g_steal_pointer(&exchange->client);
    exchange->socket = NULL;
    if (client == NULL)
        return;
    g_ptr_array_add(exchange->leaving, client);
    dub_sio_client_close(client);
}

/* The ledger knows the protocol's codes; how exactly a connection broke stands in the message. */
static struct dub_error as_unavailable(const struct dub_error *cause)
{
    struct dub_error error = *cause;
    error.code = DUB_ERROR_UNAVAILABLE;
    error.retryable = true;
    return error;
}

static void on_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user)
{
    struct dub_exchange *exchange = user;
    exchange->socket = socket;
    exchange_core_connected(exchange->core);
    step(exchange);
}

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    struct dub_exchange *exchange = user;
    if (socket != exchange->socket)
        return;
    bool has_arg = json_array_get_length(event->args) > 0;
    exchange_core_event(exchange->core, event->name, has_arg ? json_array_get_element(event->args, 0) : NULL);
    step(exchange);
}

static void on_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    struct dub_exchange *exchange = user;
    if (socket != exchange->socket)
        return;
    struct dub_error error = {0};
    dub_error_set(&error, DUB_ERROR_UNAVAILABLE, "the connection was lost: %s", dub_eio_reason_text(reason));
    give_up_client(exchange);
    exchange_core_lost(exchange->core, &error);
    step(exchange);
}

static void on_connect_error(struct dub_sio_client *client, const char *space, const char *code,
                             const char *message, void *user)
{
    struct dub_exchange *exchange = user;
    if (client != exchange->client)
        return;
    enum dub_error_code known = dub_error_code_from_name(code[0] != '\0' ? code : message);
    struct dub_error error = {0};
    dub_error_set(&error, known != DUB_ERROR_CODE_COUNT ? known : DUB_ERROR_UNAVAILABLE,
                  "the speech service refused us: %s", message);
    give_up_client(exchange);
    exchange_core_lost(exchange->core, &error);
    step(exchange);
}

static void on_closed(struct dub_sio_client *client, const struct dub_error *error, void *user)
{
    struct dub_exchange *exchange = user;
    guint index = 0;
    if (g_ptr_array_find(exchange->leaving, client, &index))
        g_ptr_array_steal_index_fast(exchange->leaving, index);
    bury_later(exchange, client);
    if (client == exchange->client) {
        struct dub_error reason = as_unavailable(error);
        exchange->client = NULL;
        exchange_core_lost(exchange->core, &reason);
        step(exchange);
    }
    if (exchange->stopping && exchange->leaving->len == 0)
        g_main_loop_quit(exchange->loop);
}

static const struct dub_sio_client_events client_events = {on_connect_error, on_closed};

static JsonNode *auth_node(const char *token)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "token", token);
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

static void start_client(void *user)
{
    struct dub_exchange *exchange = user;
    bool has_key = exchange->api_key[0] != '\0';
    g_autofree char *bearer = g_strconcat("Bearer ", exchange->api_key, NULL);
    g_autoptr(JsonNode) auth = has_key ? auth_node(exchange->api_key) : NULL;
    const char *const headers[] = {
        "X-Stream-ID",
        exchange->stream_id,
        "X-Worker-ID",
        exchange->worker_id,
        has_key ? "Authorization" : NULL,
        bearer,
        NULL,
    };
    const struct dub_sio_client_namespace space = {
        .space = {.name = "/",
                  .on_connect = on_connect,
                  .on_event = on_event,
                  .on_disconnect = on_disconnect,
                  .user = exchange},
        .auth = auth,
    };
    const struct dub_sio_client_config config = {
        .url = exchange->url,
        .headers = headers,
        .namespaces = &space,
        .n_namespaces = 1,
    };
    struct dub_error error = {0};
    exchange->client = dub_sio_client_new(&config, &client_events, exchange, &error);
    if (exchange->client == NULL)
        exchange->start_error = as_unavailable(&error);
}

static void emit(const char *event, JsonNode *take_arg, void *user)
{
    struct dub_exchange *exchange = user;
    if (exchange->socket != NULL)
        dub_sio_socket_emit_take(exchange->socket, event, take_arg);
    else
        json_node_unref(take_arg);
}

static void hand_back(struct dub_exchange_result *result, void *user)
{
    struct dub_exchange *exchange = user;
    pthread_mutex_lock(&exchange->lock);
    exchange->n_outstanding--;
    pthread_mutex_unlock(&exchange->lock);
    exchange->events.on_result(result, exchange->user);
}

static void announce(uint64_t id, const char *uuid, void *user)
{
    const struct dub_exchange *exchange = user;
    if (exchange->events.on_sent != NULL)
        exchange->events.on_sent(id, uuid, exchange->user);
}

static const struct exchange_ops core_ops = {start_client, give_up_client, emit, hand_back, announce};

static gboolean on_farewell_end(void *data)
{
    g_main_loop_quit(((struct dub_exchange *)data)->loop);
    return G_SOURCE_REMOVE;
}

static void stop(struct dub_exchange *exchange)
{
    exchange->stopping = true;
    exchange_core_close(exchange->core);
    give_up_client(exchange);
    publish(exchange);
    g_source_set_ready_time(exchange->wake, -1);
    if (exchange->leaving->len == 0) {
        g_main_loop_quit(exchange->loop);
        return;
    }
    g_autoptr(GSource) timeout = g_timeout_source_new(FAREWELL_MS);
    g_source_set_callback(timeout, on_farewell_end, exchange, NULL);
    g_source_attach(timeout, exchange->context);
}

static void on_message(void *data, void *user)
{
    struct dub_exchange *exchange = user;
    struct message *message = data;
    if (message->kind == STOP) {
        stop(exchange);
    } else {
        exchange_core_submit(exchange->core, &message->fragment);
        step(exchange);
    }
    message_free(message);
}

static void free_clients(struct dub_exchange *exchange)
{
    g_ptr_array_unref(exchange->leaving);
    g_ptr_array_unref(exchange->dead);
    if (exchange->bury != NULL)
        g_source_destroy(exchange->bury);
    g_clear_pointer(&exchange->bury, g_source_unref);
    /* What the freed clients cancelled ends in callbacks that own memory. */
    while (g_main_context_iteration(exchange->context, FALSE))
        ;
}

static void *run_thread(void *data)
{
    struct dub_exchange *exchange = data;
    g_main_context_push_thread_default(exchange->context);
    exchange->wake = g_source_new(&wake_funcs, sizeof(GSource));
    g_source_set_callback(exchange->wake, on_wake_callback, exchange, NULL);
    g_source_set_ready_time(exchange->wake, 0);
    g_source_attach(exchange->wake, exchange->context);
    g_main_loop_run(exchange->loop);
    g_source_destroy(exchange->wake);
    g_source_unref(exchange->wake);
    free_clients(exchange);
    g_main_context_pop_thread_default(exchange->context);
    return NULL;
}

struct dub_exchange *dub_exchange_new(const struct dub_exchange_config *config,
                                      const struct dub_exchange_events *events, void *user)
{
    struct dub_exchange *exchange = g_new0(struct dub_exchange, 1);
    exchange->events = *events;
    exchange->user = user;
    exchange->clock = config->clock;
    exchange->url = g_strdup(config->url);
    exchange->api_key = g_strdup(config->api_key != NULL ? config->api_key : "");
    exchange->stream_id = g_strdup(config->stream_id);
    exchange->worker_id = g_strdup(config->worker_id);
    exchange->leaving = g_ptr_array_new_with_free_func((GDestroyNotify)dub_sio_client_free);
    exchange->dead = g_ptr_array_new_with_free_func((GDestroyNotify)dub_sio_client_free);
    pthread_mutex_init(&exchange->lock, NULL);
    exchange->core = exchange_core_new(config, &core_ops, exchange);
    exchange->capture = dub_capture_new(
        &(struct dub_capture_config){.folder = config->capture_dir, .stream_id = exchange->stream_id});
    exchange_core_set_capture(exchange->core, exchange->capture);
    exchange->context = g_main_context_new();
    exchange->loop = g_main_loop_new(exchange->context, FALSE);
    exchange->box = dub_mailbox_new(exchange->context, MAX_OUTSTANDING, on_message, message_free, exchange);
    exchange->thread = g_thread_new("dub-exchange", run_thread, exchange);
    return exchange;
}

static void post(struct dub_exchange *exchange, enum message_kind kind,
                 struct dub_exchange_fragment *fragment)
{
    struct message *message = g_new0(struct message, 1);
    message->kind = kind;
    if (fragment != NULL) {
        message->fragment = *fragment;
        fragment->samples = NULL;
    }
    dub_mailbox_post_control(exchange->box, message);
}

bool dub_exchange_submit(struct dub_exchange *exchange, struct dub_exchange_fragment *fragment)
{
    /* Posted under the lock, so that nothing can come behind the message that stops the thread. */
    pthread_mutex_lock(&exchange->lock);
    bool accepted = !exchange->closed && exchange->n_outstanding < MAX_OUTSTANDING;
    if (accepted) {
        exchange->n_outstanding++;
        post(exchange, FRAGMENT, fragment);
    }
    pthread_mutex_unlock(&exchange->lock);
    return accepted;
}

int64_t dub_exchange_rtt_p95_ns(struct dub_exchange *exchange, int64_t fallback_ns)
{
    pthread_mutex_lock(&exchange->lock);
    struct rtt rtt = exchange->rtt;
    pthread_mutex_unlock(&exchange->lock);
    return rtt_p95_ns(&rtt, fallback_ns);
}

void dub_exchange_get_stats(struct dub_exchange *exchange, struct dub_exchange_stats *stats)
{
    pthread_mutex_lock(&exchange->lock);
    *stats = exchange->stats;
    pthread_mutex_unlock(&exchange->lock);
}

void dub_exchange_free(struct dub_exchange *exchange)
{
    if (exchange == NULL)
        return;
    pthread_mutex_lock(&exchange->lock);
    exchange->closed = true;
    post(exchange, STOP, NULL);
    pthread_mutex_unlock(&exchange->lock);
    g_thread_join(exchange->thread);
    dub_mailbox_free(exchange->box);
    exchange_core_free(exchange->core);
    dub_capture_free(exchange->capture);
    g_main_loop_unref(exchange->loop);
    g_main_context_unref(exchange->context);
    pthread_mutex_destroy(&exchange->lock);
    g_free(exchange->url);
    g_free(exchange->api_key);
    g_free(exchange->stream_id);
    g_free(exchange->worker_id);
    g_free(exchange);
}
