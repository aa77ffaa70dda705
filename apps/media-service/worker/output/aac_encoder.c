/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "aac_encoder.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <string.h>

#define RATE_HZ 48000
#define CHANNELS 2
/* The fast search at this rate keeps a steady tone of -46 dBFS at 13 kHz under speech within 1 dB and has the
 * signal to noise ratio of the two-loop search at 160 kbit/s, for two thirds of its time. Without a cutoff of
 * its own the encoder spends the bits above what anyone hears. */
#define BIT_RATE 192000
#define CUTOFF_HZ 20000
#define CODER "fast"

struct aac_encoder {
    void (*on_packet)(GstBuffer *take_packet, void *user);
    void *user;
    AVCodecContext *context;
    AVFrame *frame;
    AVPacket *packet;
    unsigned filled; /* samples of the frame that are there */
};

static bool open_codec(struct aac_encoder *encoder, struct dub_error *error)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);

    /* The library's own words on stderr would stand between our lines of JSON. */
    av_log_set_level(AV_LOG_QUIET);
    if (!codec)
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE,
                             "libavcodec has no AAC encoder: install libavcodec59");
    AVCodecContext *context = encoder->context = avcodec_alloc_context3(codec);
    context->sample_rate = RATE_HZ;
    context->sample_fmt = AV_SAMPLE_FMT_FLTP;
    context->bit_rate = BIT_RATE;
    context->cutoff = CUTOFF_HZ;
    context->time_base = (AVRational){1, GST_SECOND};
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&context->ch_layout, CHANNELS);
    av_opt_set(context->priv_data, "aac_coder", CODER, 0);
    if (avcodec_open2(context, codec, NULL) < 0 || context->frame_size != AAC_FRAME_SAMPLES)
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE, "libavcodec's AAC encoder cannot be opened");
    return true;
}

static bool make_frame(struct aac_encoder *encoder, struct dub_error *error)
{
    AVFrame *frame = encoder->frame = av_frame_alloc();

    encoder->packet = av_packet_alloc();
    frame->nb_samples = AAC_FRAME_SAMPLES;
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->sample_rate = RATE_HZ;
    av_channel_layout_copy(&frame->ch_layout, &encoder->context->ch_layout);
    if (av_frame_get_buffer(frame, 0) < 0)
        return dub_error_set(error, DUB_ERROR_INTERNAL, "no memory for sound");
    return true;
}

struct aac_encoder *aac_encoder_new(void (*on_packet)(GstBuffer *take_packet, void *user), void *user,
                                    struct dub_error *error)
{
    struct aac_encoder *encoder = g_new0(struct aac_encoder, 1);

    encoder->on_packet = on_packet;
    encoder->user = user;
    if (open_codec(encoder, error) && make_frame(encoder, error))
        return encoder;
    aac_encoder_free(encoder);
    return NULL;
}

void aac_encoder_free(struct aac_encoder *encoder)
{
    if (!encoder)
        return;
    av_packet_free(&encoder->packet);
    av_frame_free(&encoder->frame);
    avcodec_free_context(&encoder->context);
    g_free(encoder);
}

/* The library counts its delay in: the packet that only primes the decoder lies before the first sample. */
static void hand_out(struct aac_encoder *encoder)
{
    const AVPacket *packet = encoder->packet;

    if (packet->pts < 0)
        return;
    GstBuffer *buffer = gst_buffer_new_memdup(packet->data, (gsize)packet->size);
    GST_BUFFER_PTS(buffer) = (GstClockTime)packet->pts;
    GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale_int(GST_SECOND, AAC_FRAME_SAMPLES, RATE_HZ);
    encoder->on_packet(buffer, encoder->user);
}

/* frame NULL: the end. */
static bool encode(struct aac_encoder *encoder, AVFrame *frame)
{
    if (avcodec_send_frame(encoder->context, frame) < 0)
        return false;
    while (avcodec_receive_packet(encoder->context, encoder->packet) == 0) {
        hand_out(encoder);
        av_packet_unref(encoder->packet);
    }
    return true;
}

static void copy_samples(struct aac_encoder *encoder, const int16_t *samples, unsigned n_samples)
{
    float *left = (float *)(void *)encoder->frame->data[0] + encoder->filled;
    float *right = (float *)(void *)encoder->frame->data[1] + encoder->filled;

    for (unsigned i = 0; i < n_samples; i++) {
        left[i] = (float)samples[i * CHANNELS] / 32768.0f;
        right[i] = (float)samples[i * CHANNELS + 1] / 32768.0f;
    }
    encoder->filled += n_samples;
}

bool aac_encoder_push(struct aac_encoder *encoder, const int16_t *samples, unsigned n_samples, int64_t pts_ns)
{
    unsigned used = 0;

    while (used < n_samples) {
        unsigned part = MIN(n_samples - used, AAC_FRAME_SAMPLES - encoder->filled);
        if (encoder->filled == 0) {
            /* The encoder may still hold the frame's memory from before. */
            if (av_frame_make_writable(encoder->frame) < 0)
                return false;
            encoder->frame->pts = pts_ns + (int64_t)gst_util_uint64_scale_int(used, GST_SECOND, RATE_HZ);
        }
        copy_samples(encoder, samples + used * CHANNELS, part);
        used += part;
        if (encoder->filled < AAC_FRAME_SAMPLES)
            break;
        encoder->filled = 0;
        if (!encode(encoder, encoder->frame))
            return false;
    }
    return true;
}

void aac_encoder_finish(struct aac_encoder *encoder)
{
    static const int16_t silence[AAC_FRAME_SAMPLES * CHANNELS];

    if (encoder->filled > 0)
        aac_encoder_push(encoder, silence, AAC_FRAME_SAMPLES - encoder->filled, 0);
    encode(encoder, NULL);
}
