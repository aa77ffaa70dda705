/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport.h"

static void test_interleaved(void)
{
    struct rtsp_transport transport;
    g_assert_cmpint(rtsp_transport_parse("RTP/AVP/TCP;unicast;interleaved=4-5", &transport), ==,
                    RTSP_TRANSPORT_OK);
    g_assert_true(transport.has_channels);
    g_assert_cmpuint(transport.rtp_channel, ==, 4);
    g_assert_cmpuint(transport.rtcp_channel, ==, 5);
    g_assert_false(transport.is_record);
    g_assert_cmpint(rtsp_transport_parse("rtp/avp/tcp; unicast; Interleaved=2", &transport), ==,
                    RTSP_TRANSPORT_OK);
    g_assert_cmpuint(transport.rtp_channel, ==, 2);
    g_assert_cmpuint(transport.rtcp_channel, ==, 3);
}

static void test_without_channels(void)
{
    struct rtsp_transport transport;
    g_assert_cmpint(rtsp_transport_parse("RTP/AVP/TCP;unicast;mode=\"RECORD\"", &transport), ==,
                    RTSP_TRANSPORT_OK);
    g_assert_false(transport.has_channels);
    g_assert_true(transport.is_record);
    g_assert_cmpint(rtsp_transport_parse("RTP/AVP/TCP;unicast;mode=play", &transport), ==, RTSP_TRANSPORT_OK);
    g_assert_false(transport.is_record);
}

static void test_the_first_possible_one(void)
{
    struct rtsp_transport transport;
    const char *several = "RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;multicast;interleaved=8-9,"
                          "RTP/AVP/TCP;unicast;interleaved=6-7,RTP/AVP/TCP;interleaved=0-1";
    g_assert_cmpint(rtsp_transport_parse(several, &transport), ==, RTSP_TRANSPORT_OK);
    g_assert_cmpuint(transport.rtp_channel, ==, 6);
}

static void test_unsupported(void)
{
    static const char *const headers[] = {"RTP/AVP;unicast;client_port=5000-5001",
                                          "RTP/AVP/UDP;unicast",
                                          "RTP/AVP;multicast",
                                          "RTP/SAVP/TCP;unicast;interleaved=0-1",
                                          "",
                                          "RAW/RAW/UDP",
                                          "RTP/AVP;unicast;interleaved=x"};
    struct rtsp_transport transport;
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++)
        g_assert_cmpint(rtsp_transport_parse(headers[i], &transport), ==, RTSP_TRANSPORT_UNSUPPORTED);
}

static void test_malformed(void)
{
    static const char *const headers[] = {"RTP/AVP/TCP;interleaved=",      "RTP/AVP/TCP;interleaved=256-257",
                                          "RTP/AVP/TCP;interleaved=1-1",   "RTP/AVP/TCP;interleaved=0-x",
                                          "RTP/AVP/TCP;interleaved=0-1-2", "RTP/AVP/TCP;interleaved=-1"};
    struct rtsp_transport transport;
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++)
        g_assert_cmpint(rtsp_transport_parse(headers[i], &transport), ==, RTSP_TRANSPORT_MALFORMED);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/transport/interleaved", test_interleaved);
    g_test_add_func("/transport/without-channels", test_without_channels);
    g_test_add_func("/transport/the-first-possible-one", test_the_first_possible_one);
    g_test_add_func("/transport/unsupported", test_unsupported);
    g_test_add_func("/transport/malformed", test_malformed);
    return g_test_run();
}
