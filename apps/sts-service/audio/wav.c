/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wav.h"

#include <dubbing_bytes.h>
#include <dubbing_file.h>
#include <string.h>

/* Registered tags of the RIFF specification (Multiple channel audio data and WAVE files, 2007). */
#define FORMAT_PCM 0x0001
#define FORMAT_EXTENSIBLE 0xfffe
#define MAX_FILE_BYTES (64u << 20)

struct wav_format {
    unsigned tag;
    unsigned channels;
    uint32_t rate_hz;
    unsigned bits;
};

static bool tag_is(const uint8_t *tag, const char *name)
{
    return tag && memcmp(tag, name, 4) == 0;
}

static struct wav_format read_format(struct dub_reader *chunk)
{
    struct wav_format format = {0};
    format.tag = dub_read_le16(chunk);
    format.channels = dub_read_le16(chunk);
    format.rate_hz = dub_read_le32(chunk);
    dub_reader_skip(chunk, 6); /* byte rate, block align: both follow from the others */
    format.bits = dub_read_le16(chunk);
    if (format.tag == FORMAT_EXTENSIBLE) {
        dub_reader_skip(chunk, 8); /* extension size, valid bits, channel mask */
        format.tag = dub_read_le16(chunk);
    }
    return format;
}

static bool decode(const struct wav_format *format, struct dub_reader *chunk, struct pcm *out,
                   struct dub_error *error)
{
    if (format->tag != FORMAT_PCM || format->bits != 16)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "WAV of format 0x%04x with %u bits; 16-bit PCM is needed", format->tag,
                             format->bits);
    if (format->rate_hz > PCM_MAX_RATE_HZ || format->channels > 2)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "WAV of %u Hz and %u channels; up to %d Hz and 2 channels are possible",
                             format->rate_hz, format->channels, PCM_MAX_RATE_HZ);
    size_t frame_bytes = MAX(format->channels, 1u) * sizeof(int16_t);
    size_t size = dub_reader_left(chunk) / frame_bytes * frame_bytes;
    return pcm_from_s16le(dub_read_bytes(chunk, size), size, (int)format->rate_hz, (int)format->channels, out,
                          error);
}

bool wav_parse(const void *data, size_t size_bytes, struct pcm *out, struct dub_error *error)
{
    struct dub_reader reader = dub_reader_on(data, size_bytes);
    const uint8_t *riff = dub_read_bytes(&reader, 4);
    dub_reader_skip(&reader, 4);
    const uint8_t *wave = dub_read_bytes(&reader, 4);
    if (!tag_is(riff, "RIFF") || !tag_is(wave, "WAVE"))
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "not a RIFF/WAVE file");
    struct wav_format format = {0};
    while (dub_reader_left(&reader) >= 8) {
        const uint8_t *tag = dub_read_bytes(&reader, 4);
        size_t claimed = dub_read_le32(&reader);
        size_t size = MIN(claimed, dub_reader_left(&reader));
        struct dub_reader chunk = dub_reader_sub(&reader, size);
        if (tag_is(tag, "data"))
            return decode(&format, &chunk, out, error);
        if (tag_is(tag, "fmt "))
            format = read_format(&chunk);
        if (size % 2 != 0 && dub_reader_left(&reader) > 0)
            dub_reader_skip(&reader, 1); /* chunks are padded to even sizes */
    }
    return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "WAV file without a data chunk");
}

bool wav_read_file(const char *path, struct pcm *out, struct dub_error *error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &failure);
    if (!file)
        return dub_error_take_gerror(error, DUB_ERROR_IO, path, &failure);
    if (g_mapped_file_get_length(file) > MAX_FILE_BYTES)
        return dub_error_set(error, DUB_ERROR_LIMIT, "%s is larger than %u MiB", path, MAX_FILE_BYTES >> 20);
    return wav_parse(g_mapped_file_get_contents(file), g_mapped_file_get_length(file), out, error);
}

GBytes *wav_wrap_s16le(GBytes *samples, int rate_hz, int channels)
{
    uint32_t size = (uint32_t)g_bytes_get_size(samples);
    uint32_t frame_bytes = (uint32_t)channels * 2;
    GByteArray *out = g_byte_array_sized_new(44 + size);
    dub_write_bytes(out, "RIFF", 4);
    dub_write_le32(out, 36 + size);
    dub_write_bytes(out, "WAVEfmt ", 8);
    dub_write_le32(out, 16);
    dub_write_le16(out, FORMAT_PCM);
    dub_write_le16(out, (uint16_t)channels);
    dub_write_le32(out, (uint32_t)rate_hz);
    dub_write_le32(out, (uint32_t)rate_hz * frame_bytes);
    dub_write_le16(out, (uint16_t)frame_bytes);
    dub_write_le16(out, 16);
    dub_write_bytes(out, "data", 4);
    dub_write_le32(out, size);
    dub_write_bytes(out, g_bytes_get_data(samples, NULL), size);
    return g_byte_array_free_to_bytes(out);
}

GBytes *wav_build(const struct pcm *pcm)
{
    g_autoptr(GBytes) samples = pcm_to_s16le(pcm, 1);
    return wav_wrap_s16le(samples, pcm->rate_hz, 1);
}

bool wav_write_file(const char *path, const struct pcm *pcm, struct dub_error *error)
{
    g_autoptr(GBytes) bytes = wav_build(pcm);
    gsize size = 0;
    const void *data = g_bytes_get_data(bytes, &size);
    return dub_file_write_atomic(path, data, size, error);
}
