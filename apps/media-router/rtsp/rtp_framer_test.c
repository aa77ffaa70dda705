/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_framer.h"

#include "../tests/rtp_rig.h"

static void test_packets_one_behind_the_other(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct rtp_framer framer = {.out = out,
                                .channel = 2,
                                .header = {.payload_type = 97, .sequence = 65535, .timestamp = 5, .ssrc = 6}};
    static const uint8_t prefix[] = {0xaa}, data[] = {1, 2, 3};
    rtp_framer_packet(&framer, false, prefix, sizeof prefix, data, sizeof data);
    rtp_framer_packet(&framer, true, NULL, 0, data, 1);
    g_autoptr(GBytes) bytes = g_bytes_new(out->data, out->len);
    rtp_rig_assert_bytes(bytes, "24 02 0010 8061 ffff 00000005 00000006 aa 010203"
                                "24 02 000d 80e1 0000 00000005 00000006 01");
    g_assert_cmpuint(framer.count, ==, 2);
    g_assert_cmpuint(framer.payload_bytes, ==, 5);
    g_assert_cmpuint(framer.header.sequence, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp-framer/packets-one-behind-the-other", test_packets_one_behind_the_other);
    return g_test_run();
}
