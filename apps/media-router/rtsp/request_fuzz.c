/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client's bytes in two pieces; the first byte says where they are cut. */
#include "request.h"

#include "transport.h"

#include "fuzz_target.h"

static bool take_all(struct rtsp_parser *parser)
{
    for (;;) {
        struct rtsp_message message = {0};
        struct rtsp_frame frame;
        struct rtsp_transport transport;
        enum rtsp_item item = rtsp_parser_take(parser, &message, &frame, NULL);
        if (item == RTSP_ITEM_MESSAGE && rtsp_message_header(&message, "Transport") != NULL)
            rtsp_transport_parse(rtsp_message_header(&message, "Transport"), &transport);
        if (item == RTSP_ITEM_MESSAGE)
            rtsp_message_clear(&message);
        if (item == RTSP_ITEM_NONE || item == RTSP_ITEM_ERROR)
            return item == RTSP_ITEM_NONE;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtsp_parser parser;
    if (size == 0)
        return 0;
    size_t first = MIN(data[0], size - 1);
    rtsp_parser_init(&parser);
    rtsp_parser_put(&parser, data + 1, first);
    if (take_all(&parser)) {
        rtsp_parser_put(&parser, data + 1 + first, size - 1 - first);
        take_all(&parser);
    }
    rtsp_parser_clear(&parser);
    return 0;
}
