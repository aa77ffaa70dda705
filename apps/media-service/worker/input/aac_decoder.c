/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "aac_decoder.h"

#include <libavcodec/avcodec.h>
#include <libswresample/swresample.h>
#include <string.h>

#define RATE_HZ 48000
#define CHANNELS 2
#define FRAME_BYTES (CHANNELS * sizeof(int16_t))
#define CODEC_DATA_BYTES_MAX 4096
#define PACKET_BYTES_MAX (1 << 20)

struct aac_decoder {
    AVCodecContext *context;
    AVPacket *packet;
    AVFrame *frame;
    SwrContext *resampler; /* NULL until the first frame, made anew when the format changes */
    AVChannelLayout in_layout;
    int in_rate_hz, in_format; /* of the resampler */
    GstClockTime next_pts;     /* of the packet that follows the last one; none: nothing follows on it */
    GstClockTime duration;     /* of the last one */
};

static bool set_codec_data(AVCodecContext *context, const GstCaps *caps)
{
    const GValue *value = gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");

    if (!value)
        return true;
    GstBuffer *data = gst_value_get_buffer(value);
    gsize size = gst_buffer_get_size(data);
    if (size > CODEC_DATA_BYTES_MAX)
        return false;
    context->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    context->extradata_size = (int)gst_buffer_extract(data, 0, context->extradata, size);
    return true;
}

static bool open_codec(struct aac_decoder *decoder, const GstCaps *caps)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_AAC);

    av_log_set_level(AV_LOG_QUIET); /* as in aac_encoder.c */
    if (!codec)
        return false;
    decoder->context = avcodec_alloc_context3(codec);
    /* Nothing outside of the one thread. */
    decoder->context->thread_count = 1;
    return set_codec_data(decoder->context, caps) && avcodec_open2(decoder->context, codec, NULL) == 0;
}

struct aac_decoder *aac_decoder_new(const GstCaps *caps, struct dub_error *error)
{
    struct aac_decoder *decoder = g_new0(struct aac_decoder, 1);

    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    decoder->next_pts = GST_CLOCK_TIME_NONE;
    if (open_codec(decoder, caps))
        return decoder;
    g_autofree char *text = gst_caps_to_string(caps);
    dub_error_set(error, DUB_ERROR_UNSUPPORTED, "libavcodec cannot decode this AAC: %.120s", text);
    aac_decoder_free(decoder);
    return NULL;
}

void aac_decoder_free(struct aac_decoder *decoder)
{
    if (!decoder)
        return;
    swr_free(&decoder->resampler);
    av_channel_layout_uninit(&decoder->in_layout);
    av_frame_free(&decoder->frame);
    av_packet_free(&decoder->packet);
    avcodec_free_context(&decoder->context);
    g_free(decoder);
}

/* The format of AAC is known for sure only when it is decoded, and may change in mid-stream. */
static bool adapt_resampler(struct aac_decoder *decoder)
{
    AVFrame *frame = decoder->frame;
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;

    if (decoder->resampler && decoder->in_rate_hz == frame->sample_rate &&
        decoder->in_format == frame->format &&
        av_channel_layout_compare(&decoder->in_layout, &frame->ch_layout) == 0)
        return true;
    swr_free(&decoder->resampler);
    if (swr_alloc_set_opts2(&decoder->resampler, &stereo, AV_SAMPLE_FMT_S16, RATE_HZ, &frame->ch_layout,
                            frame->format, frame->sample_rate, 0, NULL) < 0 ||
        swr_init(decoder->resampler) < 0) {
        swr_free(&decoder->resampler);
        return false;
    }
    av_channel_layout_copy(&decoder->in_layout, &frame->ch_layout);
    decoder->in_rate_hz = frame->sample_rate;
    decoder->in_format = frame->format;
    return true;
}

static GstBuffer *resample(struct aac_decoder *decoder, GstClockTime pts)
{
    const AVFrame *frame = decoder->frame;
    /* What the resampler still holds comes out first, so the sound begins that much earlier. */
    int64_t held_ns = swr_get_delay(decoder->resampler, GST_SECOND);
    int most = swr_get_out_samples(decoder->resampler, frame->nb_samples);
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, (gsize)most * FRAME_BYTES, NULL);
    GstMapInfo map;

    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    uint8_t *out = map.data;
    int n_samples = swr_convert(decoder->resampler, &out, most, (const uint8_t **)frame->extended_data,
                                frame->nb_samples);
    gst_buffer_unmap(buffer, &map);
    if (n_samples <= 0) {
        gst_buffer_unref(buffer);
        return NULL;
    }
    gst_buffer_set_size(buffer, n_samples * (gssize)FRAME_BYTES);
    GST_BUFFER_PTS(buffer) = pts - MIN(pts, (GstClockTime)held_ns);
    return buffer;
}

static bool send(struct aac_decoder *decoder, GstBuffer *packet)
{
    gsize size = gst_buffer_get_size(packet);

    if (size > PACKET_BYTES_MAX || av_new_packet(decoder->packet, (int)size) < 0)
        return false;
    gst_buffer_extract(packet, 0, decoder->packet->data, size);
    int result = avcodec_send_packet(decoder->context, decoder->packet);
    av_packet_unref(decoder->packet);
    return result == 0;
}

/* Whether this packet is the one that follows on what came out last: timestamps are rounded and jitter, but
 * not by a whole packet. */
static bool follows(const struct aac_decoder *decoder, const GstBuffer *packet)
{
    GstClockTimeDiff off_ns = GST_CLOCK_DIFF(decoder->next_pts, GST_BUFFER_PTS(packet));

    return GST_CLOCK_TIME_IS_VALID(decoder->next_pts) && !GST_BUFFER_IS_DISCONT(packet) &&
           (GstClockTime)ABS(off_ns) <= decoder->duration * 3 / 4;
}

static GstBuffer *decode(struct aac_decoder *decoder, GstBuffer *packet)
{
    GstBuffer *sound = NULL;

    if (!GST_BUFFER_PTS_IS_VALID(packet) || !send(decoder, packet))
        return NULL;
    /* A decoder of AAC has no delay: what comes out is the sound of this packet. */
    if (avcodec_receive_frame(decoder->context, decoder->frame) == 0) {
        if (adapt_resampler(decoder))
            sound = resample(decoder, GST_BUFFER_PTS(packet));
        if (sound && !follows(decoder, packet))
            GST_BUFFER_FLAG_SET(sound, GST_BUFFER_FLAG_DISCONT);
        decoder->duration =
            gst_util_uint64_scale_int(GST_SECOND, decoder->frame->nb_samples, decoder->frame->sample_rate);
        decoder->next_pts = GST_BUFFER_PTS(packet) + decoder->duration;
        av_frame_unref(decoder->frame);
    }
    return sound;
}

GstBuffer *aac_decoder_decode(struct aac_decoder *decoder, GstBuffer *packet)
{
    GstBuffer *sound = decode(decoder, packet);

    if (!sound)
        decoder->next_pts = GST_CLOCK_TIME_NONE;
    return sound;
}
