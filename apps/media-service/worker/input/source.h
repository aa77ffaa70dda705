/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads one input: H.264 as it is, AAC decoded to 48 kHz stereo S16. RTMP is read by source_rtmp.h, all else
 * by a GStreamer pipeline whose beginnings are rows of a table. */
#pragma once

#include <dubbing_error.h>
#include <gst/gst.h>
#include <stdbool.h>

/* What the tracks turned out to be; strings are owned. */
struct source_facts {
    char *video_codec, *audio_codec; /* NULL until known */
    int width, height;               /* 0 until known */
    int audio_rate_hz, audio_channels;
};

struct source_events {
    /* On the streaming threads, one at a time. The sample is borrowed; false ends the flow. */
    bool (*on_video)(GstSample *sample, void *user);
    bool (*on_audio)(GstSample *sample, void *user);
};

struct source;

/* NULL with an error when the input cannot be opened at all. */
struct source *source_new(const char *location, const struct source_events *events, void *user,
                          struct dub_error *error);
/* Stops the pipeline; no event runs afterwards. NULL is fine. */
void source_free(struct source *source);

/* Borrowed: for its bus and state, whether or not it has elements. An input that can never be dubbed says so
 * by an application message on the bus, "unusable", with the fields "exit-code" (int, enum worker_exit) and
 * "message" (string), once. */
GstElement *source_pipeline(struct source *source);
/* Any thread; cleared by the caller with source_facts_clear. */
void source_get_facts(struct source *source, struct source_facts *facts);
void source_facts_clear(struct source_facts *facts);
