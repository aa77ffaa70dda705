/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../tests/rtp_rig.h"
#include "rtp_h264.h"
#include "rtp_writer.h"

#include <string.h>

#define CONFIG "17 00 000000 01 42c00c ff e1 0019" RTP_RIG_BASELINE_SPS "01 0005" RTP_RIG_BASELINE_PPS
#define SETS "78 0019" RTP_RIG_BASELINE_SPS "0005" RTP_RIG_BASELINE_PPS

/* The packets of a picture: payloads, and whether the marker is set. */
struct packets {
    GPtrArray *payloads; /* GBytes */
    GArray *markers;     /* bool */
};

static void clear(struct packets *packets)
{
    g_ptr_array_unref(packets->payloads);
    g_array_unref(packets->markers);
}

static struct packets write_bytes(struct rtp_h264_writer *writer, const uint8_t *body, gsize size,
                                  bool is_key)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct rtp_framer framer = {.out = out, .header = {.payload_type = 96}};
    struct packets packets = {g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref),
                              g_array_new(FALSE, FALSE, sizeof(bool))};
    rtp_h264_writer_picture(writer, body, size, is_key, &framer);
    struct dub_reader reader = dub_reader_on(out->data, out->len);
    while (dub_reader_left(&reader) > 0) {
        struct rtp_packet packet;
        dub_reader_skip(&reader, 2);
        size_t length = dub_read_be16(&reader);
        g_assert_cmpuint(length, <=, RTP_WRITER_MTU);
        g_assert_true(rtp_packet_parse(dub_read_bytes(&reader, length), length, &packet));
        g_ptr_array_add(packets.payloads, g_bytes_new(packet.payload, packet.payload_size));
        g_array_append_val(packets.markers, packet.marker);
    }
    return packets;
}

static struct packets write_hex(struct rtp_h264_writer *writer, const char *hex, bool is_key)
{
    g_autoptr(GBytes) body = rtp_rig_bytes(hex);
    return write_bytes(writer, g_bytes_get_data(body, NULL), g_bytes_get_size(body), is_key);
}

static void expect(struct rtp_h264_writer *writer, const char *body, bool is_key, const char *const *payloads)
{
    struct packets packets = write_hex(writer, body, is_key);
    guint count = g_strv_length((char **)payloads);
    g_assert_cmpuint(packets.payloads->len, ==, count);
    for (guint i = 0; i < count; i++) {
        rtp_rig_assert_bytes(packets.payloads->pdata[i], payloads[i]);
        g_assert_cmpint(g_array_index(packets.markers, bool, i), ==, i + 1 == count);
    }
    clear(&packets);
}

static bool configure(struct rtp_h264_writer *writer, const char *hex)
{
    g_autoptr(GBytes) body = rtp_rig_bytes(hex);
    return rtp_h264_writer_config(writer, g_bytes_get_data(body, NULL), g_bytes_get_size(body));
}

static void test_single_nals(void)
{
    struct rtp_h264_writer writer;
    rtp_h264_writer_init(&writer);
    g_assert_true(configure(&writer, CONFIG));
    expect(&writer, "27 01 000000 00000003 419a33 00000003 410f44", false,
           (const char *[]){"419a33", "410f44", NULL});
    rtp_h264_writer_clear(&writer);
}

static void test_parameter_sets_before_key_frames(void)
{
    struct rtp_h264_writer writer;
    rtp_h264_writer_init(&writer);
    configure(&writer, CONFIG);
    expect(&writer, "17 01 000000 00000002 6588", true, (const char *[]){SETS, "6588", NULL});
    expect(&writer, "17 01 000000 00000002 0910 00000002 6588", true,
           (const char *[]){"0910", SETS, "6588", NULL});
    /* The picture has its own. */
    expect(&writer, "17 01 000000 00000002 6701 00000002 6802 00000002 6588", true,
           (const char *[]){"6701", "6802", "6588", NULL});
    rtp_h264_writer_clear(&writer);
}

static void test_parameter_sets_too_large_for_one_packet(void)
{
    struct rtp_h264_writer writer;
    GString *config = g_string_new("17 00 000000 01 42c00c ff e1 0019" RTP_RIG_BASELINE_SPS "02 0514 68");
    rtp_h264_writer_init(&writer);
    for (unsigned i = 1; i < 0x514; i++)
        g_string_append(config, "cb");
    g_string_append(config, "0514 6858");
    for (unsigned i = 2; i < 0x514; i++)
        g_string_append(config, "cb");
    g_assert_true(configure(&writer, config->str));
    struct packets packets = write_hex(&writer, "17 01 000000 00000002 6588", true);
    g_assert_cmpuint(packets.payloads->len, ==, 4);
    g_assert_cmpuint(g_bytes_get_size(packets.payloads->pdata[2]), ==, 0x514);
    clear(&packets);
    g_string_free(config, TRUE);
    rtp_h264_writer_clear(&writer);
}

/* Around the sizes where a unit no longer fits one, two, three packets. */
static void test_fragments_of_every_size(void)
{
    const size_t single = RTP_WRITER_MTU - 12, part = single - 2;
    const size_t sizes[] = {single - 1,   single,       single + 1,  2 * part,
                            2 * part + 1, 2 * part + 2, 3 * part + 1};
    const unsigned expected[] = {1, 1, 2, 2, 2, 3, 3};
    struct rtp_h264_writer writer;
    rtp_h264_writer_init(&writer);
    configure(&writer, CONFIG);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GByteArray) body = g_byte_array_new(), joined = g_byte_array_new();
        dub_write_u8(body, 0x27);
        dub_write_be32(body, 0x01000000);
        dub_write_be32(body, (uint32_t)sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            dub_write_u8(body, k == 0 ? 0x41 : (uint8_t)g_test_rand_int());
        struct packets packets = write_bytes(&writer, body->data, body->len, false);
        g_assert_cmpuint(packets.payloads->len, ==, expected[i]);
        for (guint k = 0; k < packets.payloads->len; k++) {
            gsize size;
            const uint8_t *payload = g_bytes_get_data(packets.payloads->pdata[k], &size);
            bool is_first = k == 0, is_last = k + 1 == packets.payloads->len, is_single = expected[i] == 1;
            g_assert_cmphex(payload[0], ==, is_single ? 0x41 : 0x5c);
            if (!is_single)
                g_assert_cmphex(payload[1], ==, (is_first ? 0x81 : 1) | (is_last ? 0x40 : 0));
            if (is_first)
                dub_write_u8(joined, 0x41);
            dub_write_bytes(joined, payload + (is_single ? 1 : 2), size - (is_single ? 1 : 2));
            g_assert_cmpint(g_array_index(packets.markers, bool, k), ==, is_last);
        }
        g_assert_cmpuint(joined->len, ==, sizes[i]);
        g_assert_cmpint(memcmp(joined->data, body->data + 9, joined->len), ==, 0);
        clear(&packets);
    }
    rtp_h264_writer_clear(&writer);
}

static void test_short_lengths(void)
{
    struct rtp_h264_writer writer;
    rtp_h264_writer_init(&writer);
    g_assert_true(configure(&writer, "17 00 000000 01 42c00c fd e1 0019" RTP_RIG_BASELINE_SPS "00"));
    expect(&writer, "27 01 000000 0003 419a33 0002 410f", false, (const char *[]){"419a33", "410f", NULL});
    rtp_h264_writer_clear(&writer);
}

/* Of two bytes in the message each would become a packet of 17. */
static void test_too_many_units(void)
{
    struct rtp_h264_writer writer;
    rtp_h264_writer_init(&writer);
    g_assert_true(configure(&writer, "17 00 000000 01 42c00c fc e1 0019" RTP_RIG_BASELINE_SPS "00"));
    for (unsigned more = 0; more < 2; more++) {
        g_autoptr(GString) body = g_string_new("27 01 000000");
        for (unsigned i = 0; i < RTP_H264_MAX_UNITS + more; i++)
            g_string_append(body, "0141");
        struct packets packets = write_hex(&writer, body->str, false);
        g_assert_cmpuint(packets.payloads->len, ==, more ? 0 : RTP_H264_MAX_UNITS);
        clear(&packets);
    }
    rtp_h264_writer_clear(&writer);
}

static void test_enhanced_rtmp(void)
{
    struct rtp_h264_writer writer;
    rtp_h264_writer_init(&writer);
    g_assert_true(configure(&writer, "90 61766331 01 42c00c ff e1 0019" RTP_RIG_BASELINE_SPS
                                     "01 0005" RTP_RIG_BASELINE_PPS));
    expect(&writer, "a1 61766331 000028 00000002 419a", false, (const char *[]){"419a", NULL});
    expect(&writer, "a3 61766331 00000002 419a", false, (const char *[]){"419a", NULL});
    expect(&writer, "a2 61766331", false, (const char *[]){NULL});
    rtp_h264_writer_clear(&writer);
}

static void test_composition_times(void)
{
    static const struct {
        const char *hex;
        int32_t ms;
    } cases[] = {{"27 01 000042 00", 66},
                 {"27 01 ffffff 00", -1},
                 {"27 00 000042", 0},
                 {"a1 61766331 000028", 40},
                 {"a3 61766331 000028", 0},
                 {"27", 0},
                 {"", 0}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) body = rtp_rig_bytes(cases[i].hex);
        g_assert_cmpint(rtp_h264_composition_ms(g_bytes_get_data(body, NULL), g_bytes_get_size(body)), ==,
                        cases[i].ms);
    }
}

static void test_broken_bodies_give_no_packets(void)
{
    static const char *const bodies[] = {
        "",
        "27",
        "27 01 0000",
        "27 01 000000",
        "27 02 000000",
        "27 01 000000 00000004 419a",
        "27 01 000000 00000002 419a 00",
        "27 01 000000 00000000",
        "27 01 000000 00000002 5c81", /* would be taken for a fragment */
    };
    struct rtp_h264_writer writer;
    rtp_h264_writer_init(&writer);
    configure(&writer, CONFIG);
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
        expect(&writer, bodies[i], true, (const char *[]){NULL});
    rtp_h264_writer_clear(&writer);
}

static void test_a_broken_header_changes_nothing(void)
{
    struct rtp_h264_writer writer;
    rtp_h264_writer_init(&writer);
    configure(&writer, CONFIG);
    g_assert_false(configure(&writer, "17 00 0000"));
    g_assert_false(configure(&writer, "17 00 000000 01 42c00c"));
    expect(&writer, "17 01 000000 00000002 6588", true, (const char *[]){SETS, "6588", NULL});
    rtp_h264_writer_clear(&writer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp-h264-writer/single-nals", test_single_nals);
    g_test_add_func("/rtp-h264-writer/parameter-sets-before-key-frames",
                    test_parameter_sets_before_key_frames);
    g_test_add_func("/rtp-h264-writer/parameter-sets-too-large-for-one-packet",
                    test_parameter_sets_too_large_for_one_packet);
    g_test_add_func("/rtp-h264-writer/fragments-of-every-size", test_fragments_of_every_size);
    g_test_add_func("/rtp-h264-writer/short-lengths", test_short_lengths);
    g_test_add_func("/rtp-h264-writer/too-many-units", test_too_many_units);
    g_test_add_func("/rtp-h264-writer/enhanced-rtmp", test_enhanced_rtmp);
    g_test_add_func("/rtp-h264-writer/composition-times", test_composition_times);
    g_test_add_func("/rtp-h264-writer/broken-bodies-give-no-packets", test_broken_bodies_give_no_packets);
    g_test_add_func("/rtp-h264-writer/a-broken-header-changes-nothing", test_a_broken_header_changes_nothing);
    return g_test_run();
}
