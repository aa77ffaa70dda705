/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounded reading and writing of bytes from outside: the one reader that all our binary parsers use.
 * A read beyond the end sets `failed`, returns 0 or NULL, and every later read fails too, so a parser may
 * read a whole structure and check once. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dub_reader {
    const uint8_t *data; /* borrowed */
    size_t size;
    size_t at;
    bool failed;
};

static inline struct dub_reader dub_reader_on(const void *data, size_t size)
{
    return (struct dub_reader){.data = data, .size = size};
}

size_t dub_reader_left(const struct dub_reader *reader);
uint8_t dub_read_u8(struct dub_reader *reader);
uint16_t dub_read_be16(struct dub_reader *reader);
uint32_t dub_read_be24(struct dub_reader *reader);
uint32_t dub_read_be32(struct dub_reader *reader);
uint64_t dub_read_be64(struct dub_reader *reader);
uint16_t dub_read_le16(struct dub_reader *reader);
uint32_t dub_read_le32(struct dub_reader *reader);
/* IEEE 754 binary64, big-endian (AMF0 numbers). */
double dub_read_be_double(struct dub_reader *reader);
/* size bytes in place, borrowed from the data; NULL when there are fewer. size 0 gives a non-NULL pointer. */
const uint8_t *dub_read_bytes(struct dub_reader *reader, size_t size);
bool dub_reader_skip(struct dub_reader *reader, size_t size);
/* A reader on the next size bytes, which are consumed here. On too few, both fail. */
struct dub_reader dub_reader_sub(struct dub_reader *reader, size_t size);

/* Writing appends to a GByteArray of the caller's. */
void dub_write_u8(GByteArray *out, uint8_t value);
void dub_write_be16(GByteArray *out, uint16_t value);
void dub_write_be24(GByteArray *out, uint32_t value);
void dub_write_be32(GByteArray *out, uint32_t value);
void dub_write_be64(GByteArray *out, uint64_t value);
void dub_write_le16(GByteArray *out, uint16_t value);
void dub_write_le32(GByteArray *out, uint32_t value);
void dub_write_be_double(GByteArray *out, double value);
void dub_write_bytes(GByteArray *out, const void *data, size_t size);
