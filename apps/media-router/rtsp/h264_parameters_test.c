/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h264_parameters.h"

#include "../tests/rtp_rig.h"

#define HIGH_RECORD "01 64001e ff e1 001a" RTP_RIG_SPS "01 0004" RTP_RIG_PPS "fd f8 f8 00"
#define BASELINE_RECORD "01 42c00c ff e1 0019" RTP_RIG_BASELINE_SPS "01 0005" RTP_RIG_BASELINE_PPS
#define TAG "17 00 000000"

static bool put(struct h264_parameters *parameters, const char *hex)
{
    g_autoptr(GBytes) nal = rtp_rig_bytes(hex);
    return h264_parameters_put(parameters, g_bytes_get_data(nal, NULL), g_bytes_get_size(nal));
}

static bool read_record(struct h264_parameters *parameters, const char *hex, unsigned *length_bytes)
{
    g_autoptr(GBytes) record = rtp_rig_bytes(hex);
    return h264_parameters_read(parameters, g_bytes_get_data(record, NULL), g_bytes_get_size(record),
                                length_bytes);
}

static void test_body_of_a_high_profile(void)
{
    struct h264_parameters parameters = {0};
    g_assert_null(h264_parameters_flv_body(&parameters));
    g_assert_true(put(&parameters, RTP_RIG_SPS));
    g_assert_null(h264_parameters_flv_body(&parameters));
    g_assert_true(put(&parameters, RTP_RIG_PPS));
    g_autoptr(GBytes) body = h264_parameters_flv_body(&parameters);
    rtp_rig_assert_bytes(body, TAG HIGH_RECORD);
    h264_parameters_clear(&parameters);
}

static void test_body_of_a_baseline_profile(void)
{
    struct h264_parameters parameters = {0};
    put(&parameters, RTP_RIG_BASELINE_PPS);
    put(&parameters, RTP_RIG_BASELINE_SPS);
    g_autoptr(GBytes) body = h264_parameters_flv_body(&parameters);
    rtp_rig_assert_bytes(body, TAG BASELINE_RECORD);
    h264_parameters_clear(&parameters);
}

static void test_changes_are_noticed(void)
{
    struct h264_parameters parameters = {0};
    put(&parameters, RTP_RIG_SPS);
    g_assert_true(parameters.changed);
    parameters.changed = false;
    g_assert_true(put(&parameters, RTP_RIG_SPS));
    g_assert_false(parameters.changed);
    g_assert_true(put(&parameters, RTP_RIG_BASELINE_SPS)); /* the same id */
    g_assert_true(parameters.changed);
    h264_parameters_clear(&parameters);
}

static void test_other_nals_are_refused(void)
{
    struct h264_parameters parameters = {0};
    g_assert_false(put(&parameters, "65 88 84"));
    g_assert_false(put(&parameters, "67 64"));
    g_assert_false(put(&parameters, "68"));
    g_assert_false(put(&parameters, ""));
    h264_parameters_clear(&parameters);
}

static void count(GBytes *nal, void *user)
{
    unsigned *counts = user;
    counts[h264_nal_type(*(const uint8_t *)g_bytes_get_data(nal, NULL)) == H264_NAL_PPS]++;
}

static void test_records_are_read(void)
{
    struct h264_parameters parameters = {0};
    struct h264_sps sps;
    unsigned length_bytes, counts[2] = {0};
    put(&parameters, "68 24 80");
    g_assert_true(read_record(&parameters, HIGH_RECORD, &length_bytes));
    g_assert_cmpuint(length_bytes, ==, 4);
    h264_parameters_for_each(&parameters, count, counts);
    g_assert_cmpuint(counts[0], ==, 1);
    g_assert_cmpuint(counts[1], ==, 1); /* the one of before is gone */
    g_assert_true(h264_parameters_get_sps(&parameters, &sps));
    g_assert_cmpuint(sps.width, ==, 640);
    g_assert_true(read_record(&parameters, "01 42c00c fd e1 0019" RTP_RIG_BASELINE_SPS "00", &length_bytes));
    g_assert_cmpuint(length_bytes, ==, 2);
    h264_parameters_clear(&parameters);
}

static void test_broken_records_are_refused(void)
{
    static const char *const records[] = {
        "",
        "01 64001e ff e1 001a 6764",
        "02" RTP_RIG_SPS,
        "01 64001e ff e0 00",
        "01 64001e fe e1 001a" RTP_RIG_SPS "00", /* lengths of three bytes */
        "01 64001e ff e1 0003 676400 01 0004" RTP_RIG_PPS,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(records); i++) {
        struct h264_parameters parameters = {0};
        unsigned length_bytes;
        g_assert_false(read_record(&parameters, records[i], &length_bytes));
        h264_parameters_clear(&parameters);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/h264-parameters/body-of-a-high-profile", test_body_of_a_high_profile);
    g_test_add_func("/h264-parameters/body-of-a-baseline-profile", test_body_of_a_baseline_profile);
    g_test_add_func("/h264-parameters/changes-are-noticed", test_changes_are_noticed);
    g_test_add_func("/h264-parameters/other-nals-are-refused", test_other_nals_are_refused);
    g_test_add_func("/h264-parameters/records-are-read", test_records_are_read);
    g_test_add_func("/h264-parameters/broken-records-are-refused", test_broken_records_are_refused);
    return g_test_run();
}
