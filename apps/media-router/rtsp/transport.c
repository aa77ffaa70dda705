/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport.h"

#include <string.h>

static bool read_channel(const char **text, uint8_t *channel)
{
    if (!g_ascii_isdigit(**text))
        return false;
    char *end;
    guint64 value = g_ascii_strtoull(*text, &end, 10);
    *text = end;
    *channel = (uint8_t)value;
    return value <= G_MAXUINT8;
}

/* "0-1", or "0" for RTP at 0 and RTCP at 1. */
static bool parse_channels(const char *text, struct rtsp_transport *transport)
{
    if (!read_channel(&text, &transport->rtp_channel))
        return false;
    transport->rtcp_channel = (uint8_t)(transport->rtp_channel + 1);
    if (*text == '-') {
        text++;
        if (!read_channel(&text, &transport->rtcp_channel))
            return false;
    }
    transport->has_channels = true;
    return *text == '\0' && transport->rtp_channel != transport->rtcp_channel;
}

/* "record", "RECORD" and "\"RECORD\"" are all written. */
static bool is_record(const char *value)
{
    g_autofree char *lower = g_ascii_strdown(value, -1);
    return strstr(lower, "record") != NULL || strstr(lower, "receive") != NULL;
}

/* One of the parameters behind the protocol. */
static bool parse_parameter(char *text, struct rtsp_transport *transport, bool *is_possible)
{
    static const char interleaved[] = "interleaved=";
    static const char mode[] = "mode=";
    g_strstrip(text);
    if (g_ascii_strcasecmp(text, "multicast") == 0)
        *is_possible = false;
    if (g_ascii_strncasecmp(text, mode, strlen(mode)) == 0)
        transport->is_record = is_record(text + strlen(mode));
    if (g_ascii_strncasecmp(text, interleaved, strlen(interleaved)) == 0)
        return parse_channels(text + strlen(interleaved), transport);
    return true;
}

static bool parse_proposal(const char *text, struct rtsp_transport *transport, bool *is_possible)
{
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);
    *transport = (struct rtsp_transport){0};
    *is_possible = parts[0] != NULL && g_ascii_strcasecmp(g_strstrip(parts[0]), "RTP/AVP/TCP") == 0;
    for (char **part = parts; *is_possible && *++part != NULL;)
        if (!parse_parameter(*part, transport, is_possible))
            return false;
    return true;
}

enum rtsp_transport_result rtsp_transport_parse(const char *header, struct rtsp_transport *transport)
{
    g_auto(GStrv) proposals = g_strsplit(header, ",", -1);
    for (char **proposal = proposals; *proposal != NULL; proposal++) {
        bool is_possible;
        if (!parse_proposal(*proposal, transport, &is_possible))
            return RTSP_TRANSPORT_MALFORMED;
        if (is_possible)
            return RTSP_TRANSPORT_OK;
    }
    return RTSP_TRANSPORT_UNSUPPORTED;
}
