/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bits.h"

#include <glib.h>

static void test_numbers_cross_bytes(void)
{
    static const uint8_t data[] = {0xa5, 0x0f, 0xff, 0x00, 0x80};
    struct bits bits = bits_on(data, sizeof data);
    g_assert_cmpuint(bits_read(&bits, 0), ==, 0);
    g_assert_cmpuint(bits_read(&bits, 3), ==, 5);
    g_assert_cmpuint(bits_read(&bits, 9), ==, 0x50);
    g_assert_true(bits_flag(&bits));
    bits_skip(&bits, 3);
    g_assert_cmpuint(bits_left(&bits), ==, 24);
    g_assert_cmphex(bits_read(&bits, 24), ==, 0xff0080);
    g_assert_false(bits.failed);
    g_assert_false(bits_flag(&bits));
    g_assert_true(bits.failed);
}

static void test_32_bits(void)
{
    static const uint8_t data[] = {0xff, 0xff, 0xff, 0xfe};
    struct bits bits = bits_on(data, sizeof data);
    g_assert_cmphex(bits_read(&bits, 32), ==, 0xfffffffe);
}

static void test_too_far(void)
{
    static const uint8_t data[] = {0xff, 0xff};
    struct bits bits = bits_on(data, sizeof data);
    bits_skip(&bits, 17);
    g_assert_true(bits.failed);
    g_assert_cmpuint(bits_left(&bits), ==, 0);
    g_assert_cmpuint(bits_read(&bits, 1), ==, 0);
}

/* Table 9-2 of ITU-T H.264: 1, 010, 011, 00100, 00101 ... */
static void test_exp_golomb(void)
{
    static const uint8_t data[] = {0xa6, 0x42, 0x98, 0xe2, 0x04, 0x8a};
    struct bits bits = bits_on(data, sizeof data);
    for (unsigned i = 0; i < 9; i++)
        g_assert_cmpuint(bits_ue(&bits), ==, i);
    bits = bits_on(data, sizeof data);
    static const int32_t expected[] = {0, 1, -1, 2, -2, 3, -3, 4, -4};
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpint(bits_se(&bits), ==, expected[i]);
}

static void test_longest_code(void)
{
    static const uint8_t data[] = {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}, zeroes[16] = {0};
    struct bits bits = bits_on(data, sizeof data);
    g_assert_cmphex(bits_ue(&bits), ==, 0xfffffffe);
    g_assert_false(bits.failed);
    bits = bits_on(zeroes, sizeof zeroes);
    g_assert_cmpuint(bits_ue(&bits), ==, 0);
    g_assert_true(bits.failed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bits/numbers-cross-bytes", test_numbers_cross_bytes);
    g_test_add_func("/bits/32-bits", test_32_bits);
    g_test_add_func("/bits/too-far", test_too_far);
    g_test_add_func("/bits/exp-golomb", test_exp_golomb);
    g_test_add_func("/bits/longest-code", test_longest_code);
    return g_test_run();
}
