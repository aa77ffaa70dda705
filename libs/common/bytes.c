/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bounded reader and its counterpart; every multi-byte read goes through take(). */
#include <dubbing_bytes.h>

#include <string.h>

size_t dub_reader_left(const struct dub_reader *reader)
{
    return reader->failed ? 0 : reader->size - reader->at;
}

/* The next size bytes, consumed; NULL and failed when there are fewer. */
static const uint8_t *take(struct dub_reader *reader, size_t size)
{
    static const uint8_t nothing[1] = {0};
    if (reader->failed || size > reader->size - reader->at || (reader->data == NULL && size > 0)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *start = reader->data != NULL ? reader->data + reader->at : nothing;
    reader->at += size;
    return start;
}

static uint64_t read_big_endian(struct dub_reader *reader, size_t size)
{
    const uint8_t *bytes = take(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; bytes != NULL && i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static uint64_t read_little_endian(struct dub_reader *reader, size_t size)
{
    const uint8_t *bytes = take(reader, size);
    uint64_t value = 0;
    for (size_t i = size; bytes != NULL && i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

uint8_t dub_read_u8(struct dub_reader *reader)
{
    return (uint8_t)read_big_endian(reader, 1);
}

uint16_t dub_read_be16(struct dub_reader *reader)
{
    return (uint16_t)read_big_endian(reader, 2);
}

uint32_t dub_read_be24(struct dub_reader *reader)
{
    return (uint32_t)read_big_endian(reader, 3);
}

uint32_t dub_read_be32(struct dub_reader *reader)
{
    return (uint32_t)read_big_endian(reader, 4);
}

uint64_t dub_read_be64(struct dub_reader *reader)
{
    return read_big_endian(reader, 8);
}

uint16_t dub_read_le16(struct dub_reader *reader)
{
    return (uint16_t)read_little_endian(reader, 2);
}

uint32_t dub_read_le32(struct dub_reader *reader)
{
    return (uint32_t)read_little_endian(reader, 4);
}

double dub_read_be_double(struct dub_reader *reader)
{
    uint64_t bits = read_big_endian(reader, 8);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

const uint8_t *dub_read_bytes(struct dub_reader *reader, size_t size)
{
    return take(reader, size);
}

bool dub_reader_skip(struct dub_reader *reader, size_t size)
{
    return take(reader, size) != NULL;
}

struct dub_reader dub_reader_sub(struct dub_reader *reader, size_t size)
{
    const uint8_t *bytes = take(reader, size);
    if (bytes == NULL)
        return (struct dub_reader){.failed = true};
    return dub_reader_on(bytes, size);
}

static void write_big_endian(GByteArray *out, uint64_t value, unsigned size)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    g_byte_array_append(out, bytes, size);
}

static void write_little_endian(GByteArray *out, uint64_t value, unsigned size)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    g_byte_array_append(out, bytes, size);
}

void dub_write_u8(GByteArray *out, uint8_t value)
{
    g_byte_array_append(out, &value, 1);
}

void dub_write_be16(GByteArray *out, uint16_t value)
{
    write_big_endian(out, value, 2);
}

void dub_write_be24(GByteArray *out, uint32_t value)
{
    write_big_endian(out, value, 3);
}

void dub_write_be32(GByteArray *out, uint32_t value)
{
    write_big_endian(out, value, 4);
}

void dub_write_be64(GByteArray *out, uint64_t value)
{
    write_big_endian(out, value, 8);
}

void dub_write_le16(GByteArray *out, uint16_t value)
{
    write_little_endian(out, value, 2);
}

void dub_write_le32(GByteArray *out, uint32_t value)
{
    write_little_endian(out, value, 4);
}

void dub_write_be_double(GByteArray *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    write_big_endian(out, bits, 8);
}

void dub_write_bytes(GByteArray *out, const void *data, size_t size)
{
    g_assert(size <= G_MAXUINT);
    if (size > 0)
        g_byte_array_append(out, data, (guint)size);
}
