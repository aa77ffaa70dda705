/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_aac.h"

#include "../tests/rtp_rig.h"
#include "rtp_writer.h"

#include <string.h>

#define FRAME_NS (INT64_C(1024) * 1000000000 / 48000)

struct rig {
    GPtrArray *seen;
    struct rtp_reader_stats stats;
    struct rtp_aac_reader *reader;
    bool after_gap;
};

static struct sdp_track *hbr_track(void)
{
    struct sdp_track *track = sdp_track_new(MEDIA_AUDIO, SDP_CODEC_AAC);
    track->config = rtp_rig_bytes("1190");
    track->aac = (struct sdp_aac){.size_bits = 13, .index_bits = 3, .index_delta_bits = 3};
    return track;
}

static struct sdp_track *latm_track(const char *config)
{
    struct sdp_track *track = sdp_track_new(MEDIA_AUDIO, SDP_CODEC_LATM);
    track->latm_config_in_band = config == NULL;
    if (config != NULL)
        track->config = rtp_rig_bytes(config);
    return track;
}

/* Takes the track. */
static struct rig *begin(struct sdp_track *track)
{
    struct rig *rig = g_new0(struct rig, 1);
    struct dub_error error;
    rig->seen = rtp_rig_list();
    rig->reader = rtp_aac_reader_new(
        track, (struct rtp_sink){.media = rtp_rig_catch, .user = rig->seen, .stats = &rig->stats}, &error);
    g_assert_nonnull(rig->reader);
    sdp_track_free(track);
    rtp_aac_reader_start(rig->reader);
    return rig;
}

static void end(struct rig *rig)
{
    rtp_aac_reader_free(rig->reader);
    g_ptr_array_unref(rig->seen);
    g_free(rig);
}

static void send(struct rig *rig, int64_t time_ms, bool marker, const char *hex)
{
    g_autoptr(GBytes) payload = rtp_rig_bytes(hex);
    struct rtp_packet packet = {.marker = marker,
                                .timestamp = (uint32_t)(time_ms * 48),
                                .payload = g_bytes_get_data(payload, NULL),
                                .payload_size = g_bytes_get_size(payload)};
    rtp_aac_reader_packet(rig->reader, &packet, rig->after_gap, time_ms * RTP_RIG_MS);
    rig->after_gap = false;
}

static void expect(const struct rig *rig, guint index, int64_t dts_ns, const char *hex)
{
    rtp_rig_assert_bytes(rtp_rig_at(rig->seen, index)->payload, hex);
    g_assert_cmpint(rtp_rig_at(rig->seen, index)->dts_ns, ==, dts_ns);
}

static void test_several_units_in_a_packet(void)
{
    struct rig *rig = begin(hbr_track());
    struct aac_config config;
    expect(rig, 0, 0, "af 00 1190");
    g_assert_true(rtp_aac_reader_get_config(rig->reader, &config));
    g_assert_cmpuint(config.sample_rate_hz, ==, 48000);
    send(rig, 100, true, "0030 0010 0008 0018 aabb cc ddeeff");
    expect(rig, 1, 100 * RTP_RIG_MS, "af 01 aabb");
    expect(rig, 2, 100 * RTP_RIG_MS + FRAME_NS, "af 01 cc");
    expect(rig, 3, 100 * RTP_RIG_MS + 2 * FRAME_NS, "af 01 ddeeff");
    /* Times that overlap what is there already do not go back. */
    send(rig, 120, true, "0010 0008 11");
    expect(rig, 4, 100 * RTP_RIG_MS + 2 * FRAME_NS, "af 01 11");
    end(rig);
}

static void test_a_unit_in_several_packets(void)
{
    struct rig *rig = begin(hbr_track());
    send(rig, 0, false, "0010 0030 0102");
    send(rig, 0, false, "0010 0030 0304");
    g_assert_cmpuint(rig->seen->len, ==, 1);
    send(rig, 0, true, "0010 0030 0506");
    expect(rig, 1, 0, "af 01 010203040506");
    end(rig);
}

static void test_lost_parts(void)
{
    struct rig *rig = begin(hbr_track());
    send(rig, 0, false, "0010 0030 0102");
    rig->after_gap = true;
    send(rig, 0, true, "0010 0030 0506"); /* the end of one whose middle is missing */
    send(rig, 21, false, "0010 0030 0102");
    send(rig, 42, true, "0010 0010 aabb"); /* the end did not come */
    g_assert_cmpuint(rig->seen->len, ==, 2);
    expect(rig, 1, 42 * RTP_RIG_MS, "af 01 aabb");
    g_assert_cmpuint(rig->stats.dropped_units, ==, 3);
    end(rig);
}

static void test_broken_packets(void)
{
    static const char *const packets[] = {
        "",
        "00",
        "0010",
        "0020 0010",
        "0011 0010 00 aabb",
        "0010 0000 aa",
        "0010 0009 aa" /* index 1 */,
        "0020 0008 0009 aabb" /* interleaved */,
        "0020 0008 0010 aabb" /* the second is cut */,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(packets); i++) {
        struct rig *rig = begin(hbr_track());
        g_test_message("%s", packets[i]);
        send(rig, 0, true, packets[i]);
        g_assert_cmpuint(rig->stats.malformed, ==, 1);
        g_assert_cmpuint(rig->seen->len, <=, 2);
        send(rig, 21, true, "0010 0008 77");
        expect(rig, rig->seen->len - 1, 21 * RTP_RIG_MS, "af 01 77");
        end(rig);
    }
}

static void test_parts_that_are_too_much(void)
{
    struct rig *rig = begin(hbr_track());
    send(rig, 0, false, "0010 0020 0102");
    send(rig, 0, true, "0010 0020 030405");
    g_assert_cmpuint(rig->stats.malformed, ==, 1);
    end(rig);
    struct sdp_track *track = hbr_track();
    track->aac.size_bits = 32;
    track->aac.index_bits = track->aac.index_delta_bits = 0;
    rig = begin(track);
    send(rig, 0, true, "0020 80000000 0102");
    g_assert_cmpuint(rig->stats.malformed, ==, 1);
    g_assert_cmpuint(rig->seen->len, ==, 1);
    end(rig);
}

/* RFC 3640 section 3.2.1.1 in full: every field, and an auxiliary section. */
static void test_all_header_fields(void)
{
    struct sdp_track *track = hbr_track();
    track->aac = (struct sdp_aac){.size_bits = 6,
                                  .index_bits = 2,
                                  .index_delta_bits = 2,
                                  .cts_bits = 5,
                                  .dts_bits = 3,
                                  .random_access = true,
                                  .state_bits = 4,
                                  .auxiliary_size_bits = 8};
    struct rig *rig = begin(track);
    /* 000010 00 | 1 10101 | 0 | 1 | 1111 | 000001 00 | 0 | 1 101 | 0 | 0000: 38 bits; 12 auxiliary bits */
    send(rig, 0, true, "0026 08d5f04680 0cfff0 aabb cc");
    g_assert_cmpuint(rig->stats.malformed, ==, 0);
    expect(rig, 1, 0, "af 01 aabb");
    expect(rig, 2, FRAME_NS, "af 01 cc");
    end(rig);
}

static void test_constant_size_without_headers(void)
{
    struct sdp_track *track = hbr_track();
    track->aac = (struct sdp_aac){.constant_size = 2};
    struct rig *rig = begin(track);
    send(rig, 0, true, "aabb ccdd");
    expect(rig, 1, 0, "af 01 aabb");
    expect(rig, 2, FRAME_NS, "af 01 ccdd");
    send(rig, 50, true, "aabb cc");
    g_assert_cmpuint(rig->stats.malformed, ==, 1);
    end(rig);
}

static void test_latm(void)
{
    struct rig *rig = begin(latm_track("400023203fc0"));
    expect(rig, 0, 0, "af 00 1190");
    send(rig, 21, true, "03 aabbcc");
    expect(rig, 1, 21 * RTP_RIG_MS, "af 01 aabbcc");
    send(rig, 42, false, "05 aabb");
    send(rig, 42, true, "ccddee");
    expect(rig, 2, 42 * RTP_RIG_MS, "af 01 aabbccddee");
    end(rig);
}

static void test_latm_long_and_several(void)
{
    struct rig *rig = begin(latm_track("420023203fc0")); /* three in an element */
    GString *element = g_string_new("01 aa ff02");
    for (unsigned i = 0; i < 257; i++)
        g_string_append(element, "55");
    g_string_append(element, "02 bbcc");
    send(rig, 100, true, element->str);
    g_assert_cmpuint(rig->seen->len, ==, 4);
    g_assert_cmpuint(g_bytes_get_size(rtp_rig_at(rig->seen, 2)->payload), ==, 2 + 257);
    expect(rig, 3, 100 * RTP_RIG_MS + 2 * FRAME_NS, "af 01 bbcc");
    g_string_free(element, TRUE);
    end(rig);
}

static void test_latm_losses(void)
{
    struct rig *rig = begin(latm_track("400023203fc0"));
    send(rig, 0, false, "05 aabb");
    rig->after_gap = true;
    send(rig, 21, false, "0102"); /* could be the end of what was lost, or the middle of the next */
    send(rig, 21, true, "0304");
    send(rig, 42, true, "01 77");
    g_assert_cmpuint(rig->seen->len, ==, 2);
    expect(rig, 1, 42 * RTP_RIG_MS, "af 01 77");
    send(rig, 63, false, "05 aabb");
    send(rig, 84, true, "01 88"); /* the marker did not come */
    expect(rig, 2, 84 * RTP_RIG_MS, "af 01 88");
    send(rig, 105, true, "09 8899");
    send(rig, 105, true, "ff");
    g_assert_cmpuint(rig->stats.malformed, ==, 2);
    g_assert_cmpuint(rig->stats.dropped_units, ==, 3);
    end(rig);
}

/* A bit that says whether the configuration is the same as before, else 44 bits of it, then the payload. */
static void test_latm_config_in_band(void)
{
    struct rig *rig = begin(latm_track(NULL));
    struct aac_config config;
    g_assert_cmpuint(rig->seen->len, ==, 0);
    g_assert_false(rtp_aac_reader_get_config(rig->reader, &config));
    send(rig, 0, true, "81 55ddff80"); /* as before, but there was none */
    g_assert_cmpuint(rig->stats.dropped_units, ==, 1);
    send(rig, 21, true, "200011901fe01555d8");
    expect(rig, 0, 21 * RTP_RIG_MS, "af 00 1190");
    expect(rig, 1, 21 * RTP_RIG_MS, "af 01 aabb");
    send(rig, 42, true, "80d500");
    expect(rig, 2, 42 * RTP_RIG_MS, "af 01 aa");
    send(rig, 63, true, "200011901fe00dd8"); /* said again: no news */
    expect(rig, 3, 63 * RTP_RIG_MS, "af 01 bb");
    send(rig, 84, true, "200012101fe00e60");
    expect(rig, 4, 84 * RTP_RIG_MS, "af 00 1210");
    send(rig, 105, true, "000011901fe00e60");
    g_assert_cmpuint(rig->stats.malformed, ==, 1);
    end(rig);
}

static void test_latm_without_end(void)
{
    struct rig *rig = begin(latm_track("400023203fc0"));
    g_autofree uint8_t *payload = g_malloc0(60000);
    struct rtp_packet packet = {.payload = payload, .payload_size = 60000};
    rtp_aac_reader_packet(rig->reader, &packet, false, 0);
    rtp_aac_reader_packet(rig->reader, &packet, false, 0);
    g_assert_cmpuint(rig->stats.malformed, ==, 1);
    end(rig);
}

static void test_broken_configs_are_refused(void)
{
    struct dub_error error = {0};
    struct sdp_track *tracks[] = {hbr_track(), latm_track("400023")};
    g_bytes_unref(tracks[0]->config);
    tracks[0]->config = rtp_rig_bytes("00");
    for (size_t i = 0; i < G_N_ELEMENTS(tracks); i++) {
        g_assert_null(rtp_aac_reader_new(tracks[i], (struct rtp_sink){0}, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_UNSUPPORTED);
        sdp_track_free(tracks[i]);
    }
}

/* What is written is read again, in as many packets as it takes. */
static void test_written_units_of_every_size(void)
{
    static const unsigned sizes[] = {1, 300, 1443, 1444, 1445, 2888, 2889, 8191};
    static const unsigned counts[] = {1, 1, 1, 1, 2, 2, 3, 6};
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        struct rig *rig = begin(hbr_track());
        g_autoptr(GByteArray) out = g_byte_array_new(), unit = g_byte_array_new();
        struct rtp_framer framer = {.out = out};
        for (unsigned k = 0; k < sizes[i]; k++)
            dub_write_u8(unit, (uint8_t)g_test_rand_int());
        rtp_aac_write(&framer, unit->data, unit->len);
        g_assert_cmpuint(framer.count, ==, counts[i]);
        struct dub_reader reader = dub_reader_on(out->data, out->len);
        while (dub_reader_left(&reader) > 0) {
            struct rtp_packet packet;
            dub_reader_skip(&reader, 2);
            size_t length = dub_read_be16(&reader);
            g_assert_cmpuint(length, <=, RTP_WRITER_MTU);
            g_assert_true(rtp_packet_parse(dub_read_bytes(&reader, length), length, &packet));
            g_assert_cmpint(packet.marker, ==, dub_reader_left(&reader) == 0);
            rtp_aac_reader_packet(rig->reader, &packet, false, 0);
        }
        const uint8_t *body = g_bytes_get_data(rtp_rig_at(rig->seen, 1)->payload, NULL);
        g_assert_cmpuint(g_bytes_get_size(rtp_rig_at(rig->seen, 1)->payload), ==, sizes[i] + 2);
        g_assert_cmpint(memcmp(body + 2, unit->data, unit->len), ==, 0);
        end(rig);
    }
    struct rtp_framer framer = {0};
    rtp_aac_write(&framer, NULL, 8192);
    rtp_aac_write(&framer, NULL, 0);
    g_assert_cmpuint(framer.count, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp-aac/several-units-in-a-packet", test_several_units_in_a_packet);
    g_test_add_func("/rtp-aac/a-unit-in-several-packets", test_a_unit_in_several_packets);
    g_test_add_func("/rtp-aac/lost-parts", test_lost_parts);
    g_test_add_func("/rtp-aac/broken-packets", test_broken_packets);
    g_test_add_func("/rtp-aac/parts-that-are-too-much", test_parts_that_are_too_much);
    g_test_add_func("/rtp-aac/all-header-fields", test_all_header_fields);
    g_test_add_func("/rtp-aac/constant-size-without-headers", test_constant_size_without_headers);
    g_test_add_func("/rtp-aac/latm", test_latm);
    g_test_add_func("/rtp-aac/latm-long-and-several", test_latm_long_and_several);
    g_test_add_func("/rtp-aac/latm-losses", test_latm_losses);
    g_test_add_func("/rtp-aac/latm-config-in-band", test_latm_config_in_band);
    g_test_add_func("/rtp-aac/latm-without-end", test_latm_without_end);
    g_test_add_func("/rtp-aac/broken-configs-are-refused", test_broken_configs_are_refused);
    g_test_add_func("/rtp-aac/written-units-of-every-size", test_written_units_of_every_size);
    return g_test_run();
}
