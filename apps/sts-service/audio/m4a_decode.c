/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "libav.h"
#include "m4a.h"
#include "mp4_check.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/intreadwrite.h>
#include <math.h>
#include <string.h>

#define MAX_TRACKS 8
/* 120 s at 96 kHz in the shorter of AAC's two packet lengths, 960 samples. */
#define MAX_PACKETS 12000
/* ISO/IEC 14496-3 allows 768 bytes per channel, and there may be some data beside the sound. */
#define MAX_PACKET_BYTES 16384
#define IO_BLOCK_BYTES 4096
/* A table may name the same bytes many times: reading ends here. */
#define READ_BUDGET(size) (8 * (int64_t)(size) + (1 << 20))
#define SKIP_ENTRY_BYTES 10
/* More than this is no padding. */
#define MAX_PADDING_SAMPLES 4096
/* A time beyond is damage; sums of such stay within 64 bits. */
#define MAX_PTS (INT64_C(1) << 60)

struct source {
    const uint8_t *data;
    int64_t size, at, budget;
};

struct decoder {
    struct source source;
    AVIOContext *io;
    AVFormatContext *format;
    AVStream *track; /* the format's */
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    unsigned n_packets;         /* of the track */
    bool discard;               /* the current packet is outside of what is presented */
    int64_t skip;               /* samples still to be dropped, those of discarded packets among them */
    int64_t start_pts, end_pts; /* INT64_MAX: the last packet's duration is unknown */
    bool started;
    struct sound sound;
    size_t capacity; /* frames */
};

static int read_source(void *user, uint8_t *buffer, int wanted)
{
    struct source *source = user;
    int64_t size = MIN((int64_t)wanted, source->size - source->at);
    if (size <= 0)
        return AVERROR_EOF;
    source->budget -= size;
    if (source->budget < 0)
        return AVERROR_INVALIDDATA;
    memcpy(buffer, source->data + source->at, (size_t)size);
    source->at += size;
    return (int)size;
}

static int64_t seek_source(void *user, int64_t offset, int whence)
{
    struct source *source = user;
    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
        return source->size;
    case SEEK_SET:
        break;
    case SEEK_CUR:
        offset += source->at;
        break;
    default:
        return AVERROR(EINVAL);
    }
    if (offset < 0 || offset > source->size)
        return AVERROR(EINVAL);
    source->at = offset;
    return offset;
}

/* A file may name other files as its data. */
static int refuse_other_files(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                              AVDictionary **options)
{
    return AVERROR(EPERM);
}

static void decoder_clear(struct decoder *decoder)
{
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->frame);
    avcodec_free_context(&decoder->codec);
    avformat_close_input(&decoder->format);
    if (decoder->io)
        av_freep(&decoder->io->buffer);
    avio_context_free(&decoder->io);
    sound_clear(&decoder->sound);
}

static bool open_container(struct decoder *decoder, struct dub_error *error)
{
    decoder->io = avio_alloc_context(av_malloc(IO_BLOCK_BYTES), IO_BLOCK_BYTES, 0, &decoder->source,
                                     read_source, NULL, seek_source);
    decoder->format = avformat_alloc_context();
    decoder->format->pb = decoder->io;
    decoder->format->io_open = refuse_other_files;
    decoder->format->max_streams = MAX_TRACKS;
    int result = avformat_open_input(&decoder->format, NULL, av_find_input_format("mp4"), NULL);
    return result >= 0 || libav_invalid(error, "the directory cannot be read", result);
}

static bool check_count(unsigned n_packets, struct dub_error *error)
{
    if (n_packets <= MAX_PACKETS)
        return true;
    return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                         "M4A: %u packets or more; at most %d are taken", n_packets, MAX_PACKETS);
}

static bool find_track(struct decoder *decoder, struct dub_error *error)
{
    unsigned n_audio = 0;
    for (unsigned i = 0; i < decoder->format->nb_streams; i++) {
        AVStream *stream = decoder->format->streams[i];
        stream->discard = AVDISCARD_ALL;
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
            continue;
        decoder->track = stream;
        n_audio++;
    }
    if (n_audio != 1)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "M4A: %u audio tracks; exactly one is needed", n_audio);
    decoder->track->discard = AVDISCARD_DEFAULT;
    if (decoder->track->codecpar->codec_id != AV_CODEC_ID_AAC)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "M4A: the sound is %s; AAC is needed",
                             avcodec_get_name(decoder->track->codecpar->codec_id));
    return check_count((unsigned)avformat_index_get_entries_count(decoder->track), error);
}

static bool open_codec(struct decoder *decoder, struct dub_error *error)
{
    const AVCodec *aac = avcodec_find_decoder_by_name("aac");
    if (!aac)
        return dub_error_set(error, DUB_ERROR_INTERNAL, "libavcodec has no AAC decoder");
    AVCodecContext *codec = decoder->codec = avcodec_alloc_context3(aac);
    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    codec->thread_count = 1;
    codec->pkt_timebase = decoder->track->time_base;
    codec->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL; /* what is dropped is counted here, padding included */
    int result = avcodec_parameters_to_context(codec, decoder->track->codecpar);
    if (result >= 0)
        result = avcodec_open2(codec, aac, NULL);
    return result >= 0 || libav_invalid(error, "this kind of AAC cannot be decoded", result);
}

/* A skip entry counts at the rate of the file's description; the sound may have another (HE-AAC). */
static int64_t at_sound_rate(const struct decoder *decoder, int64_t samples)
{
    int described_hz = decoder->track->codecpar->sample_rate;
    return described_hz > 0 ? av_rescale(samples, decoder->sound.rate_hz, described_hz) : samples;
}

/* The first frame decides; the file's own description may be of what SBR (HE-AAC) doubles. */
static bool take_format(struct decoder *decoder, struct dub_error *error)
{
    const AVFrame *frame = decoder->frame;
    struct sound *sound = &decoder->sound;
    int channels = frame->ch_layout.nb_channels;
    if (frame->format != AV_SAMPLE_FMT_FLTP)
        return dub_error_set(error, DUB_ERROR_INTERNAL, "libavcodec's AAC decoder gives no planar floats");
    if (sound->rate_hz == 0) {
        if (!sound_check_format(frame->sample_rate, channels, error))
            return false;
        sound->rate_hz = frame->sample_rate;
        sound->channels = channels;
        decoder->skip = at_sound_rate(decoder, decoder->skip);
    }
    if (sound->rate_hz != frame->sample_rate || sound->channels != channels)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "M4A: the sound changes from %d Hz, %d channels to %d Hz, %d channels",
                             sound->rate_hz, sound->channels, frame->sample_rate, channels);
    return true;
}

static void grow(struct decoder *decoder, size_t frames)
{
    struct sound *sound = &decoder->sound;
    if (frames <= decoder->capacity)
        return;
    decoder->capacity = MAX(frames, decoder->capacity * 2);
    sound->samples = g_renew(int16_t, sound->samples, decoder->capacity * (size_t)sound->channels);
}

static void append(struct decoder *decoder, size_t from)
{
    struct sound *sound = &decoder->sound;
    size_t channels = (size_t)sound->channels;
    size_t count = (size_t)decoder->frame->nb_samples - from;
    int16_t *out = sound->samples + sound->frames * channels;
    for (size_t channel = 0; channel < channels; channel++) {
        const float *in = (const float *)(const void *)decoder->frame->extended_data[channel] + from;
        for (size_t i = 0; i < count; i++)
            out[i * channels + channel] =
                (int16_t)lrintf(CLAMP(in[i], -1.0f, 32767.0f / 32768.0f) * 32768.0f);
    }
    sound->frames += count;
}

static bool take_frame(struct decoder *decoder, struct dub_error *error)
{
    if (!take_format(decoder, error))
        return false;
    int64_t dropped = MIN(decoder->skip, decoder->frame->nb_samples);
    decoder->skip -= dropped;
    if (decoder->discard)
        return true;
    size_t frames = decoder->sound.frames + (size_t)(decoder->frame->nb_samples - dropped);
    if (!sound_check_length(frames, decoder->sound.rate_hz, error))
        return false;
    grow(decoder, frames);
    append(decoder, (size_t)dropped);
    return true;
}

/* packet NULL: the end. */
static bool decode_packet(struct decoder *decoder, const AVPacket *packet, struct dub_error *error)
{
    bool good = true;
    int result = avcodec_send_packet(decoder->codec, packet);
    while (good && result >= 0 && (result = avcodec_receive_frame(decoder->codec, decoder->frame)) >= 0) {
        good = take_frame(decoder, error);
        av_frame_unref(decoder->frame);
    }
    if (!good || result == AVERROR(EAGAIN) || result == AVERROR_EOF)
        return good;
    return libav_invalid(error, "a packet of AAC cannot be decoded", result);
}

/* Samples to drop from here on: the encoder's priming. */
static int64_t skip_of(const AVPacket *packet)
{
    size_t size = 0;
    const uint8_t *entry = av_packet_get_side_data(packet, AV_PKT_DATA_SKIP_SAMPLES, &size);
    return entry && size >= SKIP_ENTRY_BYTES ? AV_RL32(entry) : 0;
}

/* Where on the track's time the presented sound begins: at 0 where an edit list has moved it there, which for
 * a fragmented file is all that is said about the priming. */
static void note_start(struct decoder *decoder)
{
    const AVStream *track = decoder->track;
    int rate_hz = decoder->sound.rate_hz;
    AVRational unit = {1, rate_hz > 0 ? rate_hz : MAX(track->codecpar->sample_rate, 1)};
    int64_t pts = decoder->packet->pts;
    if (decoder->skip == 0 && pts < 0)
        decoder->skip = av_rescale_q(-pts, track->time_base, unit);
    decoder->start_pts = pts + av_rescale_q(decoder->skip, unit, track->time_base);
    decoder->started = true;
}

static void note_time(struct decoder *decoder)
{
    const AVPacket *packet = decoder->packet;
    decoder->discard = packet->flags & AV_PKT_FLAG_DISCARD;
    decoder->skip += decoder->sound.rate_hz > 0 ? at_sound_rate(decoder, skip_of(packet)) : skip_of(packet);
    if (decoder->discard || packet->pts < -MAX_PTS || packet->pts > MAX_PTS)
        return;
    if (!decoder->started)
        note_start(decoder);
    decoder->end_pts = packet->duration > 0 ? packet->pts + MIN(packet->duration, MAX_PTS) : INT64_MAX;
}

static bool take_packet(struct decoder *decoder, struct dub_error *error)
{
    const AVPacket *packet = decoder->packet;
    if (packet->flags & AV_PKT_FLAG_CORRUPT)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "M4A: packet %u is cut off",
                             decoder->n_packets);
    if (packet->size > MAX_PACKET_BYTES)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "M4A: packet %u has %d bytes; AAC needs at most %d", decoder->n_packets,
                             packet->size, MAX_PACKET_BYTES);
    decoder->n_packets++;
    note_time(decoder);
    return check_count(decoder->n_packets, error) && decode_packet(decoder, packet, error);
}

static bool decode_all(struct decoder *decoder, struct dub_error *error)
{
    bool good = true;
    int result = 0;
    while (good && (result = av_read_frame(decoder->format, decoder->packet)) >= 0) {
        if (decoder->packet->stream_index == decoder->track->index)
            good = take_packet(decoder, error);
        av_packet_unref(decoder->packet);
    }
    if (!good)
        return false;
    if (result != AVERROR_EOF)
        return libav_invalid(error, "reading the packets", result);
    int expected = avformat_index_get_entries_count(decoder->track);
    if (expected > 0 && decoder->n_packets < (unsigned)expected)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT,
                             "M4A: %u of %d packets are there; the data is cut off or damaged",
                             decoder->n_packets, expected);
    decoder->discard = false;
    return decode_packet(decoder, NULL, error);
}

/* The padding after the last sample: the last packet's duration, or the edit list, is shorter than what it
 * decodes to. */
static void drop_padding(struct decoder *decoder)
{
    struct sound *sound = &decoder->sound;
    const AVStream *track = decoder->track;
    int64_t end_pts = decoder->end_pts;
    if (track->duration > 0 && track->duration < MAX_PTS && track->start_time > -MAX_PTS &&
        track->start_time < MAX_PTS)
        end_pts = MIN(end_pts, track->start_time + track->duration);
    if (!decoder->started || end_pts == INT64_MAX || sound->rate_hz == 0)
        return;
    int64_t presented =
        av_rescale_q(end_pts - decoder->start_pts, track->time_base, (AVRational){1, sound->rate_hz});
    int64_t padding = (int64_t)sound->frames - presented;
    if (padding > 0 && padding <= MAX_PADDING_SAMPLES && presented > 0)
        sound->frames = (size_t)presented;
}

static bool decode(struct decoder *decoder, struct dub_error *error)
{
    if (!open_container(decoder, error) || !find_track(decoder, error) || !open_codec(decoder, error) ||
        !decode_all(decoder, error))
        return false;
    drop_padding(decoder);
    if (decoder->sound.frames == 0)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "M4A: there is no sound in it");
    return true;
}

bool m4a_decode(const void *data, size_t size_bytes, struct sound *out, struct dub_error *error)
{
    if (size_bytes > M4A_MAX_BYTES)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "M4A: larger than %zu MiB",
                             M4A_MAX_BYTES >> 20);
    if (!mp4_check(data, size_bytes, error))
        return false;
    libav_start();
    struct decoder decoder = {
        .source = {.data = data, .size = (int64_t)size_bytes, .budget = READ_BUDGET(size_bytes)}};
    bool good = decode(&decoder, error);
    if (good) {
        *out = decoder.sound;
        decoder.sound = (struct sound){0};
    }
    decoder_clear(&decoder);
    return good;
}
