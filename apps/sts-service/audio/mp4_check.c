/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mp4_check.h"

#include <dubbing_bytes.h>
#include <string.h>

#define HEADER_BYTES 8
#define FTYP_MAX_BYTES 1024

struct box {
    const uint8_t *type;
    uint64_t payload; /* bytes; UINT64_MAX in a box shorter than its own header */
};

static bool is(const struct box *box, const char *type)
{
    return memcmp(box->type, type, 4) == 0;
}

/* Size 1: the real one follows as 64 bits. Size 0: to the end of the file. */
static struct box read_header(struct dub_reader *reader)
{
    uint64_t size = dub_read_be32(reader);
    struct box box = {.type = dub_read_bytes(reader, 4)};
    uint64_t header = HEADER_BYTES;
    if (size == 1) {
        size = dub_read_be64(reader);
        header += 8;
    } else if (size == 0) {
        size = header + dub_reader_left(reader);
    }
    box.payload = size - header; /* wraps to a size that no file has */
    return box;
}

bool mp4_begins(const void *data, size_t size_bytes)
{
    struct dub_reader reader = dub_reader_on(data, size_bytes);
    uint32_t size = dub_read_be32(&reader);
    const uint8_t *type = dub_read_bytes(&reader, 4);
    return type && memcmp(type, "ftyp", 4) == 0 && size >= HEADER_BYTES && size <= FTYP_MAX_BYTES;
}

bool mp4_check(const void *data, size_t size_bytes, struct dub_error *error)
{
    struct dub_reader reader = dub_reader_on(data, size_bytes);
    uint64_t tables = 0;
    bool directory = false;
    if (!mp4_begins(data, size_bytes))
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "M4A: the data does not begin like an MP4 file (ftyp)");
    while (dub_reader_left(&reader) > 0) {
        size_t at = reader.at;
        struct box box = read_header(&reader);
        if (reader.failed || box.payload > dub_reader_left(&reader))
            return dub_error_set(
                error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                "M4A: the box at byte %zu is larger than the rest of the data; it is cut off "
                "or damaged",
                at);
        dub_reader_skip(&reader, (size_t)box.payload);
        directory |= is(&box, "moov");
        tables += is(&box, "mdat") ? HEADER_BYTES : HEADER_BYTES + box.payload;
    }
    if (!directory)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "M4A: no directory (moov) in the data");
    if (tables > MP4_MAX_TABLE_BYTES)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "M4A: more than %zu KiB beside the sound itself", MP4_MAX_TABLE_BYTES >> 10);
    return true;
}
