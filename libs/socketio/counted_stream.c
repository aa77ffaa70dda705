/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stream and, private to it, its two halves. Pings that libsoup answers by itself are written but were
 * never announced; the count therefore stops at zero instead of turning negative. */
#include "counted_stream.h"

#include "ws_frames.h"

#define COUNTED_TYPE_OUTPUT (counted_output_get_type())
G_DECLARE_FINAL_TYPE(CountedOutput, counted_output, COUNTED, OUTPUT, GFilterOutputStream)

struct _CountedOutput {
    GFilterOutputStream parent;
    gsize queued;
    struct ws_frames frames;
};

static void counted_output_pollable_init(GPollableOutputStreamInterface *interface);

/* NOLINTNEXTLINE(performance-no-int-to-ptr): GLib's macro */
G_DEFINE_TYPE_WITH_CODE(CountedOutput, counted_output, G_TYPE_FILTER_OUTPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_OUTPUT_STREAM, counted_output_pollable_init))

static GOutputStream *base_of(CountedOutput *output)
{
    return G_FILTER_OUTPUT_STREAM(output)->base_stream;
}

static gssize count(CountedOutput *output, const void *data, gssize written)
{
    if (written > 0) {
        output->queued -= MIN(output->queued, (gsize)written);
        ws_frames_pass(&output->frames, data, (gsize)written);
    }
    return written;
}

static gssize output_write(GOutputStream *stream, const void *data, gsize size, GCancellable *cancellable,
                           GError **error)
{
    CountedOutput *self = COUNTED_OUTPUT(stream);
    return count(self, data, g_output_stream_write(base_of(self), data, size, cancellable, error));
}

static gssize output_write_nonblocking(GPollableOutputStream *stream, const void *data, gsize size,
                                       GError **error)
{
    CountedOutput *self = COUNTED_OUTPUT(stream);
    GPollableOutputStream *base = G_POLLABLE_OUTPUT_STREAM(base_of(self));
    return count(self, data, g_pollable_output_stream_write_nonblocking(base, data, size, NULL, error));
}

static gboolean output_can_poll(GPollableOutputStream *stream)
{
    return g_pollable_output_stream_can_poll(G_POLLABLE_OUTPUT_STREAM(base_of(COUNTED_OUTPUT(stream))));
}

static gboolean output_is_writable(GPollableOutputStream *stream)
{
    return g_pollable_output_stream_is_writable(G_POLLABLE_OUTPUT_STREAM(base_of(COUNTED_OUTPUT(stream))));
}

static GSource *output_create_source(GPollableOutputStream *stream, GCancellable *cancellable)
{
    GPollableOutputStream *base = G_POLLABLE_OUTPUT_STREAM(base_of(COUNTED_OUTPUT(stream)));
    g_autoptr(GSource) base_source = g_pollable_output_stream_create_source(base, cancellable);
    return g_pollable_source_new_full(stream, base_source, NULL);
}

static void counted_output_pollable_init(GPollableOutputStreamInterface *interface)
{
    interface->can_poll = output_can_poll;
    interface->is_writable = output_is_writable;
    interface->create_source = output_create_source;
    interface->write_nonblocking = output_write_nonblocking;
}

static void counted_output_class_init(CountedOutputClass *klass)
{
    G_OUTPUT_STREAM_CLASS(klass)->write_fn = output_write;
}

static void counted_output_init(CountedOutput *self)
{
}

#define COUNTED_TYPE_INPUT (counted_input_get_type())
G_DECLARE_FINAL_TYPE(CountedInput, counted_input, COUNTED, INPUT, GFilterInputStream)

/* A peer that is too fast is looked at so often. */
#define RATE_WAIT_MS 10

/* What may be read now, as a bucket that fills by the rate. */
struct allowance {
    gsize per_second; /* 0: no limit */
    double bytes;     /* below zero: owed */
    int64_t filled_us;
};

struct _CountedInput {
    GFilterInputStream parent;
    const CountedOutput *output; /* lives as long: both belong to one CountedStream */
    gsize max_message_bytes;
    struct ws_frames frames;
    struct allowance allowance;
    gsize turn_bytes;  /* read since the last wait */
    bool has_had_turn; /* more may be there, but others first */
};

static void counted_input_pollable_init(GPollableInputStreamInterface *interface);

/* NOLINTNEXTLINE(performance-no-int-to-ptr): GLib's macro */
G_DEFINE_TYPE_WITH_CODE(CountedInput, counted_input, G_TYPE_FILTER_INPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_INPUT_STREAM, counted_input_pollable_init))

static GInputStream *source_of(CountedInput *input)
{
    return G_FILTER_INPUT_STREAM(input)->base_stream;
}

static enum counted_excess excess(const CountedInput *input)
{
    if (input->frames.message_frames > 1 && input->frames.message_bytes > input->max_message_bytes)
        return COUNTED_LONG_MESSAGE;
    if (input->frames.n_pings > input->output->frames.n_pongs + COUNTED_MAX_UNANSWERED_PINGS)
        return COUNTED_PING_FLOOD;
    return COUNTED_NO_EXCESS;
}

static gssize check(CountedInput *input, const void *data, gssize size, GError **error)
{
    if (size <= 0)
        return size;
    ws_frames_pass(&input->frames, data, (gsize)size);
    if (excess(input) == COUNTED_NO_EXCESS)
        return size;
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE, "more than the limits allow");
    return -1;
}

static gssize input_read(GInputStream *stream, void *data, gsize size, GCancellable *cancellable,
                         GError **error)
{
    CountedInput *self = COUNTED_INPUT(stream);
    return check(self, data, g_input_stream_read(source_of(self), data, size, cancellable, error), error);
}

static double burst(const struct allowance *allowance)
{
    return (double)allowance->per_second * COUNTED_BURST_SECONDS;
}

static bool is_used_up(struct allowance *allowance)
{
    if (allowance->per_second == 0)
        return false;
    int64_t now_us = g_get_monotonic_time();
    double gained = (double)(now_us - allowance->filled_us) * (double)allowance->per_second / G_USEC_PER_SEC;
    allowance->bytes = MIN(allowance->bytes + gained, burst(allowance));
    allowance->filled_us = now_us;
    return allowance->bytes <= 0;
}

/* libsoup reads as long as there is something to read: a peer that sends faster than its frames are handled
 * would have the main loop to itself. */
static gssize input_read_nonblocking(GPollableInputStream *stream, void *data, gsize size, GError **error)
{
    CountedInput *self = COUNTED_INPUT(stream);
    GPollableInputStream *base = G_POLLABLE_INPUT_STREAM(source_of(self));
    if (self->turn_bytes >= COUNTED_TURN_BYTES || is_used_up(&self->allowance)) {
        self->has_had_turn = true;
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "it is the others' turn");
        return -1;
    }
    gssize n = g_pollable_input_stream_read_nonblocking(base, data, size, NULL, error);
    if (n > 0) {
        self->turn_bytes += (gsize)n;
        self->allowance.bytes -= (double)n;
    }
    return check(self, data, n, error);
}

static gboolean input_can_poll(GPollableInputStream *stream)
{
    return g_pollable_input_stream_can_poll(G_POLLABLE_INPUT_STREAM(source_of(COUNTED_INPUT(stream))));
}

static gboolean input_is_readable(GPollableInputStream *stream)
{
    return g_pollable_input_stream_is_readable(G_POLLABLE_INPUT_STREAM(source_of(COUNTED_INPUT(stream))));
}

static GSource *input_create_source(GPollableInputStream *stream, GCancellable *cancellable)
{
    CountedInput *self = COUNTED_INPUT(stream);
    GPollableInputStream *base = G_POLLABLE_INPUT_STREAM(source_of(self));
    /* What is left may lie in a buffer above the socket (TLS), so that waiting for the socket would be wrong.
     */
    g_autoptr(GSource) base_source =
        self->has_had_turn ? g_timeout_source_new(is_used_up(&self->allowance) ? RATE_WAIT_MS : 0)
                           : g_pollable_input_stream_create_source(base, cancellable);
    self->turn_bytes = 0;
    self->has_had_turn = false;
    return g_pollable_source_new_full(stream, base_source, NULL);
}

static void counted_input_pollable_init(GPollableInputStreamInterface *interface)
{
    interface->can_poll = input_can_poll;
    interface->is_readable = input_is_readable;
    interface->create_source = input_create_source;
    interface->read_nonblocking = input_read_nonblocking;
}

static void counted_input_class_init(CountedInputClass *klass)
{
    G_INPUT_STREAM_CLASS(klass)->read_fn = input_read;
}

static void counted_input_init(CountedInput *self)
{
}

struct _CountedStream {
    GIOStream parent;
    GIOStream *base;
    CountedOutput *output;
    CountedInput *input;
};

/* NOLINTNEXTLINE(performance-no-int-to-ptr): GLib's macro */
G_DEFINE_TYPE(CountedStream, counted_stream, G_TYPE_IO_STREAM)

static GInputStream *stream_get_input(GIOStream *stream)
{
    return G_INPUT_STREAM(COUNTED_STREAM(stream)->input);
}

static GOutputStream *stream_get_output(GIOStream *stream)
{
    return G_OUTPUT_STREAM(COUNTED_STREAM(stream)->output);
}

/* The base is closed as a whole: a socket's two streams are one file descriptor. */
static gboolean stream_close(GIOStream *stream, GCancellable *cancellable, GError **error)
{
    return g_io_stream_close(COUNTED_STREAM(stream)->base, cancellable, error);
}

static void on_base_closed(GObject *base, GAsyncResult *result, void *data)
{
    g_autoptr(GTask) task = data;
    GError *error = NULL;
    if (g_io_stream_close_finish(G_IO_STREAM(base), result, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

/* Without this GIO would close on a thread of its own. */
static void stream_close_async(GIOStream *stream, int priority, GCancellable *cancellable,
                               GAsyncReadyCallback callback, void *user)
{
    GTask *task = g_task_new(stream, cancellable, callback, user);
    g_io_stream_close_async(COUNTED_STREAM(stream)->base, priority, cancellable, on_base_closed, task);
}

static gboolean stream_close_finish(GIOStream *stream, GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}

static void stream_finalize(GObject *object)
{
    CountedStream *self = COUNTED_STREAM(object);
    g_clear_object(&self->input);
    g_clear_object(&self->output);
    g_clear_object(&self->base);
    G_OBJECT_CLASS(counted_stream_parent_class)->finalize(object);
}

static void counted_stream_class_init(CountedStreamClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = stream_finalize;
    G_IO_STREAM_CLASS(klass)->get_input_stream = stream_get_input;
    G_IO_STREAM_CLASS(klass)->get_output_stream = stream_get_output;
    G_IO_STREAM_CLASS(klass)->close_fn = stream_close;
    G_IO_STREAM_CLASS(klass)->close_async = stream_close_async;
    G_IO_STREAM_CLASS(klass)->close_finish = stream_close_finish;
}

static void counted_stream_init(CountedStream *self)
{
}

CountedStream *counted_stream_new(GIOStream *base, gsize max_message_bytes)
{
    CountedStream *self = g_object_new(counted_stream_get_type(), NULL);
    self->base = g_object_ref(base);
    self->output = g_object_new(COUNTED_TYPE_OUTPUT, "base-stream", g_io_stream_get_output_stream(base),
                                "close-base-stream", FALSE, NULL);
    self->input = g_object_new(COUNTED_TYPE_INPUT, "base-stream", g_io_stream_get_input_stream(base),
                               "close-base-stream", FALSE, NULL);
    self->input->output = self->output;
    self->input->max_message_bytes = max_message_bytes;
    return self;
}

void counted_stream_set_max_message(CountedStream *stream, gsize max_message_bytes)
{
    stream->input->max_message_bytes = max_message_bytes;
}

void counted_stream_set_rate(CountedStream *stream, gsize bytes_per_second)
{
    struct allowance *allowance = &stream->input->allowance;
    *allowance = (struct allowance){.per_second = bytes_per_second, .filled_us = g_get_monotonic_time()};
    allowance->bytes = burst(allowance);
}

void counted_stream_add_queued(CountedStream *stream, gsize bytes)
{
    stream->output->queued += bytes;
}

gsize counted_stream_queued(CountedStream *stream)
{
    return stream->output->queued;
}

enum counted_excess counted_stream_excess(CountedStream *stream)
{
    return excess(stream->input);
}
