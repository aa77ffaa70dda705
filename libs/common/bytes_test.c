/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_bytes.h>

#include <string.h>

static void test_reads_what_was_written(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    dub_write_u8(out, 0x12);
    dub_write_be16(out, 0x3456);
    dub_write_be24(out, 0x789abc);
    dub_write_be32(out, 0xdef01234);
    dub_write_be64(out, UINT64_C(0x0102030405060708));
    dub_write_le16(out, 0xbeef);
    dub_write_le32(out, 0xcafebabe);
    dub_write_be_double(out, -1234.5);
    dub_write_bytes(out, "abc", 3);
    dub_write_bytes(out, NULL, 0);

    struct dub_reader reader = dub_reader_on(out->data, out->len);
    g_assert_cmphex(dub_read_u8(&reader), ==, 0x12);
    g_assert_cmphex(dub_read_be16(&reader), ==, 0x3456);
    g_assert_cmphex(dub_read_be24(&reader), ==, 0x789abc);
    g_assert_cmphex(dub_read_be32(&reader), ==, 0xdef01234);
    g_assert_cmphex(dub_read_be64(&reader), ==, UINT64_C(0x0102030405060708));
    g_assert_cmphex(dub_read_le16(&reader), ==, 0xbeef);
    g_assert_cmphex(dub_read_le32(&reader), ==, 0xcafebabe);
    g_assert_cmpfloat(dub_read_be_double(&reader), ==, -1234.5);
    g_assert_cmpuint(dub_reader_left(&reader), ==, 3);
    g_assert_cmpint(memcmp(dub_read_bytes(&reader, 3), "abc", 3), ==, 0);
    g_assert_cmpuint(dub_reader_left(&reader), ==, 0);
    g_assert_false(reader.failed);
}

static void test_order_of_bytes(void)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 1, 2, 3, 4};
    struct dub_reader reader = dub_reader_on(bytes, sizeof(bytes));
    g_assert_cmphex(dub_read_be32(&reader), ==, 0x01020304);
    g_assert_cmphex(dub_read_le32(&reader), ==, 0x04030201);
}

/* Every read at every length that is too short. */
static void test_short_read_fails(void)
{
    static const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t size = 0; size < 8; size++) {
        struct dub_reader reader = dub_reader_on(bytes, size);
        g_assert_cmpuint(dub_read_be64(&reader), ==, 0);
        g_assert_true(reader.failed);
        g_assert_cmpuint(dub_reader_left(&reader), ==, 0);
        /* Sticky: what would fit fails too. */
        g_assert_cmpuint(dub_read_u8(&reader), ==, 0);
    }
    struct dub_reader reader = dub_reader_on(bytes, 1);
    g_assert_cmpuint(dub_read_le16(&reader), ==, 0);
    g_assert_true(reader.failed);
    reader = dub_reader_on(bytes, 7);
    g_assert_true(dub_read_be_double(&reader) == 0.0);
    g_assert_true(reader.failed);
}

static void test_sizes_near_the_maximum_do_not_wrap(void)
{
    static const uint8_t bytes[4] = {0};
    struct dub_reader reader = dub_reader_on(bytes, sizeof(bytes));
    g_assert_true(dub_reader_skip(&reader, 2));
    g_assert_false(dub_reader_skip(&reader, SIZE_MAX - 1));
    g_assert_true(reader.failed);
    reader = dub_reader_on(bytes, sizeof(bytes));
    g_assert_null(dub_read_bytes(&reader, SIZE_MAX));
}

static void test_nothing_can_be_read_from_nothing(void)
{
    struct dub_reader reader = dub_reader_on(NULL, 0);
    g_assert_nonnull(dub_read_bytes(&reader, 0));
    g_assert_true(dub_reader_skip(&reader, 0));
    g_assert_false(reader.failed);
}

static void test_sub_reader_is_bounded(void)
{
    static const uint8_t bytes[4] = {1, 2, 3, 4};
    struct dub_reader reader = dub_reader_on(bytes, sizeof(bytes));
    struct dub_reader sub = dub_reader_sub(&reader, 2);
    g_assert_cmphex(dub_read_be16(&sub), ==, 0x0102);
    dub_read_u8(&sub);
    g_assert_true(sub.failed);
    g_assert_false(reader.failed);
    g_assert_cmphex(dub_read_u8(&reader), ==, 3);
    sub = dub_reader_sub(&reader, 2);
    g_assert_true(sub.failed);
    g_assert_true(reader.failed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bytes/reads-what-was-written", test_reads_what_was_written);
    g_test_add_func("/bytes/order-of-bytes", test_order_of_bytes);
    g_test_add_func("/bytes/short-read-fails", test_short_read_fails);
    g_test_add_func("/bytes/sizes-near-the-maximum-do-not-wrap", test_sizes_near_the_maximum_do_not_wrap);
    g_test_add_func("/bytes/nothing-can-be-read-from-nothing", test_nothing_can_be_read_from_nothing);
    g_test_add_func("/bytes/sub-reader-is-bounded", test_sub_reader_is_bounded);
    return g_test_run();
}
