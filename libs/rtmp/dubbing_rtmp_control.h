/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both sides of a connection do beside what it is there for (Adobe RTMP 1.0, sections 5.4 and 6.2):
 * acknowledge what came, answer pings, say our window when the peer limits it. No sockets here. */
#pragma once

#include "dubbing_rtmp_message.h"

#define RTMP_WINDOW_BYTES 2500000 /* before anybody has said another */

struct rtmp_control {
    uint64_t received_bytes;
    uint64_t acknowledged_bytes;
    uint32_t ack_window_bytes;  /* what the peer asked for */
    uint32_t sent_window_bytes; /* what the peer was told to acknowledge after */
};

void rtmp_control_init(struct rtmp_control *control);
/* Acknowledges when it is time. */
void rtmp_control_acknowledge(struct rtmp_control *control, struct rtmp_chunk_writer *writer);
/* Messages of the types 4, 5 and 6; others are left alone. False when one makes no sense. */
bool rtmp_control_receive(struct rtmp_control *control, const struct rtmp_message *message,
                          struct rtmp_chunk_writer *writer, struct dub_error *error);
