/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_control.h"

void rtmp_control_init(struct rtmp_control *control)
{
    *control =
        (struct rtmp_control){.ack_window_bytes = RTMP_WINDOW_BYTES, .sent_window_bytes = RTMP_WINDOW_BYTES};
}

/* Half a window, so that a peer that waits for a whole one never does. */
void rtmp_control_acknowledge(struct rtmp_control *control, struct rtmp_chunk_writer *writer)
{
    if (control->received_bytes - control->acknowledged_bytes < control->ack_window_bytes / 2 + 1)
        return;
    control->acknowledged_bytes = control->received_bytes;
    rtmp_send_control(writer, RTMP_ACKNOWLEDGEMENT, (uint32_t)control->received_bytes);
}

static struct dub_reader reader_on(const struct rtmp_message *message)
{
    gsize size;
    const void *data = g_bytes_get_data(message->payload, &size);
    return dub_reader_on(data, size);
}

static bool on_user_control(const struct rtmp_message *message, struct rtmp_chunk_writer *writer)
{
    struct dub_reader reader = reader_on(message);
    uint16_t event = dub_read_be16(&reader);
    uint32_t value = dub_read_be32(&reader);
    if (event == RTMP_PING_REQUEST && !reader.failed)
        rtmp_send_user_control(writer, RTMP_PING_RESPONSE, value);
    return true;
}

static bool on_window(struct rtmp_control *control, const struct rtmp_message *message,
                      struct dub_error *error)
{
    struct dub_reader reader = reader_on(message);
    uint32_t window = dub_read_be32(&reader);
    if (reader.failed || window == 0)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a bad Window Acknowledgement Size");
    control->ack_window_bytes = window;
    return true;
}

/* The peer limits what we send without an acknowledgement, and wants to hear our window if that changes it
 * (section 5.4.5). TCP is what holds us back: a peer that never acknowledges must not starve. */
static bool on_peer_bandwidth(struct rtmp_control *control, const struct rtmp_message *message,
                              struct rtmp_chunk_writer *writer, struct dub_error *error)
{
    struct dub_reader reader = reader_on(message);
    uint32_t window = dub_read_be32(&reader);
    if (reader.failed || window == 0)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a bad Set Peer Bandwidth");
    if (window != control->sent_window_bytes)
        rtmp_send_control(writer, RTMP_WINDOW_ACK_SIZE, window);
    control->sent_window_bytes = window;
    return true;
}

bool rtmp_control_receive(struct rtmp_control *control, const struct rtmp_message *message,
                          struct rtmp_chunk_writer *writer, struct dub_error *error)
{
    switch (message->type) {
    case RTMP_USER_CONTROL:
        return on_user_control(message, writer);
    case RTMP_WINDOW_ACK_SIZE:
        return on_window(control, message, error);
    case RTMP_SET_PEER_BANDWIDTH:
        return on_peer_bandwidth(control, message, writer, error);
    default:
        return true;
    }
}
