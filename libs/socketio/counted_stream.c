/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stream and, private to it, the counting output stream. Pings that libsoup answers by itself are written
 * but were never announced; the count therefore stops at zero instead of turning negative. */
#include "counted_stream.h"

#define COUNTED_TYPE_OUTPUT (counted_output_get_type())
G_DECLARE_FINAL_TYPE(CountedOutput, counted_output, COUNTED, OUTPUT, GFilterOutputStream)

struct _CountedOutput {
    GFilterOutputStream parent;
    gsize queued;
};

static void counted_output_pollable_init(GPollableOutputStreamInterface *interface);

/* NOLINTNEXTLINE(performance-no-int-to-ptr): GLib's macro */
G_DEFINE_TYPE_WITH_CODE(CountedOutput, counted_output, G_TYPE_FILTER_OUTPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_OUTPUT_STREAM, counted_output_pollable_init))

static GOutputStream *base_of(CountedOutput *output)
{
    return G_FILTER_OUTPUT_STREAM(output)->base_stream;
}

static gssize count(CountedOutput *output, gssize written)
{
    if (written > 0)
        output->queued -= MIN(output->queued, (gsize)written);
    return written;
}

static gssize output_write(GOutputStream *stream, const void *data, gsize size, GCancellable *cancellable,
                           GError **error)
{
    CountedOutput *self = COUNTED_OUTPUT(stream);
    return count(self, g_output_stream_write(base_of(self), data, size, cancellable, error));
}

static gssize output_write_nonblocking(GPollableOutputStream *stream, const void *data, gsize size,
                                       GError **error)
{
    CountedOutput *self = COUNTED_OUTPUT(stream);
    GPollableOutputStream *base = G_POLLABLE_OUTPUT_STREAM(base_of(self));
    return count(self, g_pollable_output_stream_write_nonblocking(base, data, size, NULL, error));
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

struct _CountedStream {
    GIOStream parent;
    GIOStream *base;
    CountedOutput *output;
};

/* NOLINTNEXTLINE(performance-no-int-to-ptr): GLib's macro */
G_DEFINE_TYPE(CountedStream, counted_stream, G_TYPE_IO_STREAM)

static GInputStream *stream_get_input(GIOStream *stream)
{
    return g_io_stream_get_input_stream(COUNTED_STREAM(stream)->base);
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

CountedStream *counted_stream_new(GIOStream *base)
{
    CountedStream *self = g_object_new(counted_stream_get_type(), NULL);
    self->base = g_object_ref(base);
    self->output = g_object_new(COUNTED_TYPE_OUTPUT, "base-stream", g_io_stream_get_output_stream(base),
                                "close-base-stream", FALSE, NULL);
    return self;
}

void counted_stream_add_queued(CountedStream *stream, gsize bytes)
{
    stream->output->queued += bytes;
}

gsize counted_stream_queued(CountedStream *stream)
{
    return stream->output->queued;
}
