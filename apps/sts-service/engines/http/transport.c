/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport.h"

#include "../wait.h"
#include <libsoup/soup.h>
#include <pthread.h>

#define CHUNK_BYTES 65536
/* Of an answer that is a refusal: more than any provider says. */
#define REFUSAL_MAX_BYTES 65536
#define IDLE_S 60
#define RETRY_AFTER_MAX_S 600

struct http_transport {
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    SoupSession *session; /* the thread's */
};

/* On the caller's stack; the thread's until done. */
struct exchange {
    struct http_transport *transport;
    const struct http_request *request;
    GCancellable *cancellable;
    SoupMessage *message;
    GInputStream *stream;
    GByteArray *body;
    gsize max_bytes;
    bool too_large;
    GError *failure;
    struct http_answer answer;
    pthread_mutex_t lock; /* guards done */
    pthread_cond_t changed;
    bool done;
};

static void *run(void *data)
{
    struct http_transport *transport = data;
    g_main_context_push_thread_default(transport->context);
    g_main_loop_run(transport->loop);
    soup_session_abort(transport->session);
    g_object_unref(transport->session);
    /* What the session has left to be done. */
    while (g_main_context_iteration(transport->context, FALSE)) {
    }
    g_main_context_pop_thread_default(transport->context);
    return NULL;
}

struct http_transport *http_transport_new(unsigned max_connections)
{
    struct http_transport *transport = g_new0(struct http_transport, 1);
    transport->context = g_main_context_new();
    transport->loop = g_main_loop_new(transport->context, FALSE);
    g_main_context_push_thread_default(transport->context);
    transport->session = soup_session_new_with_options(
        "max-conns", (int)max_connections, "max-conns-per-host", (int)max_connections, "idle-timeout", IDLE_S,
        "timeout", 0, "user-agent", "dubbing ", NULL);
    g_main_context_pop_thread_default(transport->context);
    transport->thread = g_thread_new("http-engine", run, transport);
    return transport;
}

static gboolean quit(void *data)
{
    g_main_loop_quit(data);
    return G_SOURCE_REMOVE;
}

/* Not g_main_context_invoke(), which would run it here while the thread is not in its loop yet. */
static void in_thread(struct http_transport *transport, GSourceFunc function, void *data,
                      GDestroyNotify destroy)
{
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, function, data, destroy);
    g_source_attach(source, transport->context);
    g_source_unref(source);
}

void http_transport_free(struct http_transport *transport)
{
    if (!transport)
        return;
    in_thread(transport, quit, transport->loop, NULL);
    g_thread_join(transport->thread);
    g_main_loop_unref(transport->loop);
    g_main_context_unref(transport->context);
    g_free(transport);
}

void http_answer_clear(struct http_answer *answer)
{
    g_free(answer->type);
    g_clear_pointer(&answer->body, g_bytes_unref);
    *answer = (struct http_answer){0};
}

static int64_t retry_after_ms(SoupMessageHeaders *headers)
{
    const char *said = soup_message_headers_get_one(headers, "Retry-After");
    guint64 seconds = 0;
    if (!said)
        return -1;
    if (g_ascii_string_to_unsigned(said, 10, 0, RETRY_AFTER_MAX_S, &seconds, NULL))
        return (int64_t)seconds * 1000;
    g_autoptr(GDateTime) date = soup_date_time_new_from_http_string(said);
    int64_t left_s = date ? g_date_time_to_unix(date) - g_get_real_time() / G_USEC_PER_SEC : -1;
    bool number = said[0] >= '0' && said[0] <= '9';
    if (!date)
        return number ? INT64_C(1000) * RETRY_AFTER_MAX_S : -1;
    return CLAMP(left_s, 0, RETRY_AFTER_MAX_S) * 1000;
}

static void take_answer(struct exchange *exchange)
{
    SoupMessageHeaders *headers = soup_message_get_response_headers(exchange->message);
    const char *type = soup_message_headers_get_content_type(headers, NULL);
    exchange->answer = (struct http_answer){
        .status = soup_message_get_status(exchange->message),
        .type = g_strdup(type ? type : ""),
        .retry_after_ms = retry_after_ms(headers),
    };
    if (!exchange->too_large)
        exchange->answer.body = g_byte_array_free_to_bytes(g_steal_pointer(&exchange->body));
}

/* The last that the thread does with it: libsoup's objects end where they lived. */
static void finish(struct exchange *exchange)
{
    if (!exchange->failure)
        take_answer(exchange);
    g_clear_object(&exchange->stream);
    g_clear_object(&exchange->message);
    pthread_mutex_lock(&exchange->lock);
    exchange->done = true;
    pthread_cond_signal(&exchange->changed);
    pthread_mutex_unlock(&exchange->lock);
}

static void on_closed(GObject *stream, GAsyncResult *result, void *user)
{
    g_input_stream_close_finish(G_INPUT_STREAM(stream), result, NULL);
    finish(user);
}

/* Of an answer that was not read to its end libsoup closes the connection. */
static void end(struct exchange *exchange)
{
    g_input_stream_close_async(exchange->stream, G_PRIORITY_DEFAULT, NULL, on_closed, exchange);
}

static void read_on(struct exchange *exchange);

static void on_read(GObject *stream, GAsyncResult *result, void *user)
{
    struct exchange *exchange = user;
    g_autoptr(GBytes) chunk =
        g_input_stream_read_bytes_finish(G_INPUT_STREAM(stream), result, &exchange->failure);
    gsize size = 0;
    const void *data = chunk ? g_bytes_get_data(chunk, &size) : NULL;
    exchange->too_large = exchange->body->len + size > exchange->max_bytes;
    if (size == 0 || exchange->too_large) {
        end(exchange);
        return;
    }
    g_byte_array_append(exchange->body, data, (guint)size);
    read_on(exchange);
}

static void read_on(struct exchange *exchange)
{
    g_input_stream_read_bytes_async(exchange->stream, CHUNK_BYTES, G_PRIORITY_DEFAULT, exchange->cancellable,
                                    on_read, exchange);
}

static void on_sent(GObject *session, GAsyncResult *result, void *user)
{
    struct exchange *exchange = user;
    exchange->stream = soup_session_send_finish(SOUP_SESSION(session), result, &exchange->failure);
    if (!exchange->stream) {
        finish(exchange);
        return;
    }
    bool refused = !SOUP_STATUS_IS_SUCCESSFUL(soup_message_get_status(exchange->message));
    exchange->max_bytes = refused ? REFUSAL_MAX_BYTES : exchange->request->max_bytes;
    read_on(exchange);
}

static gboolean send(void *user)
{
    struct exchange *exchange = user;
    /* Its caller has let go of it: ThreadSanitizer cannot see that the main context says so too. */
    pthread_mutex_lock(&exchange->lock);
    pthread_mutex_unlock(&exchange->lock);
    soup_session_send_async(exchange->transport->session, exchange->message, G_PRIORITY_DEFAULT,
                            exchange->cancellable, on_sent, exchange);
    return G_SOURCE_REMOVE;
}

static gboolean cancel(void *user)
{
    g_cancellable_cancel(user);
    return G_SOURCE_REMOVE;
}

/* True when the call's terms have ended it. Comes back when the thread no longer knows the exchange. */
static bool wait_for(struct exchange *exchange, const struct engine_call *call)
{
    bool given_up = false;
    pthread_mutex_lock(&exchange->lock);
    while (!exchange->done && !given_up) {
        engine_wait_step(&exchange->changed, &exchange->lock, call);
        given_up = !exchange->done && !engine_call_go_on(call, DUB_STAGE_NONE, NULL);
    }
    if (given_up)
        in_thread(exchange->transport, cancel, g_object_ref(exchange->cancellable), g_object_unref);
    while (!exchange->done)
        pthread_cond_wait(&exchange->changed, &exchange->lock);
    pthread_mutex_unlock(&exchange->lock);
    return given_up;
}

static SoupMessage *message_for(const struct http_request *request)
{
    SoupMessage *message = soup_message_new(request->method, request->url);
    if (!message)
        return NULL;
    SoupMessageHeaders *headers = soup_message_get_request_headers(message);
    for (gsize i = 0; i < HTTP_MAX_HEADERS && request->headers[i].name; i++)
        soup_message_headers_replace(headers, request->headers[i].name, request->headers[i].value);
    if (request->body)
        soup_message_set_request_body_from_bytes(message, request->content_type, request->body);
    /* A key is for the host that it was given for. And libsoup opens a connection of its own for each POST
     * that it may not repeat: ours may, they change nothing at the provider. */
    soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_IDEMPOTENT);
    return message;
}

static enum http_fate settle(struct exchange *exchange, bool given_up, struct http_answer *answer,
                             char **reason)
{
    *answer = exchange->answer;
    if (given_up)
        return HTTP_GIVEN_UP;
    if (exchange->failure) {
        *reason = g_strdup(exchange->failure->message);
        return HTTP_UNREACHABLE;
    }
    return HTTP_ANSWERED;
}

enum http_fate http_transport_send(struct http_transport *transport, const struct http_request *request,
                                   const struct engine_call *call, struct http_answer *answer, char **reason)
{
    struct exchange exchange = {.transport = transport, .request = request};
    *answer = (struct http_answer){0};
    *reason = NULL;
    exchange.message = message_for(request);
    if (!exchange.message) {
        *reason = g_strdup("this is no address");
        return HTTP_UNREACHABLE;
    }
    exchange.cancellable = g_cancellable_new();
    exchange.body = g_byte_array_new();
    pthread_mutex_init(&exchange.lock, NULL);
    engine_wait_init(&exchange.changed);
    pthread_mutex_lock(&exchange.lock);
    in_thread(transport, send, &exchange, NULL);
    pthread_mutex_unlock(&exchange.lock);
    enum http_fate fate = settle(&exchange, wait_for(&exchange, call), answer, reason);
    pthread_cond_destroy(&exchange.changed);
    pthread_mutex_destroy(&exchange.lock);
    g_clear_pointer(&exchange.body, g_byte_array_unref);
    g_clear_error(&exchange.failure);
    g_object_unref(exchange.cancellable);
    return fate;
}
