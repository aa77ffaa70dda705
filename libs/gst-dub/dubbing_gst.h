/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GStreamer plugin "dub" with its one element, stsdub: original sound in, the same sound exactly
 * `latency` later out, with the speech in it dubbed (system.md sections 4 and 5).
 *
 * Pads: sink and src, audio/x-raw, S16LE, 48000 Hz, 2 channels, interleaved. Properties, the "stats"
 * structure and the messages below are described one by one by `gst-inspect-1.0 stsdub`.
 *
 * Property "stats": a GstStructure DUB_GST_STATS_NAME, a snapshot, readable in any state from any thread:
 *   "delay" int64 ns; "dub-lag" int64 ns, of the clip heard last; "max-dub-lag" int64 ns, of all;
 *   "phrases-open" uint; "phrases-dubbed", "phrases-passthrough", "phrases-dropped" uint64;
 *   "stretched-phrases" uint64: dubs made faster, so that the phrase after them could be heard;
 *   "fallback-reasons" GstStructure of uint64, one field per reason that occurred;
 *   "blocks", "late-blocks" uint64: buffers (live: 40 ms) pushed, and those mixed after their deadline;
 *   "silence-samples", "trimmed-samples", "late-samples" uint64: input that was missing, repeated, too late;
 *   "slewed-samples" int64: samples added (or, negative, removed) to follow the publisher's clock;
 *   "drift-samples" int64: how much too early the sound that came last lies for its time stamps, smoothed;
 *   "sts-connected" boolean; "sts-reconnects", "sts-fragments", "sts-late-answers" uint64; "sts-inflight"
 * uint; "sts-breaker" string (closed, half_open, open); "sts-backpressure" string (none, low, medium, high);
 *   "sts-rtt-counts" GstValueArray of 9 uint64, buckets of worker_sts_rtt_ms; "sts-rtt-sum-ms" double;
 *   "sts-asr", "sts-translation", "sts-tts" string: engine and model used last, once the service has named
 * them.
 *
 * Element messages DUB_GST_PHRASE_NAME, one per phrase, when what is heard of it is settled, in order of
 * "seq": "seq" uint64 from 1; "fragmentId" string, empty when nothing was sent; "startMs", "endMs" int64,
 * running time; "state" string (dubbed, passthrough, dropped); "reason" string, empty for dubbed, otherwise
 * an error code of the protocol or one of phrase.h; "transcript", "translatedText" string; "lagMs" int64;
 * "speedRatio" double; "rttMs", "asrMs", "translationMs", "ttsMs" int64, 0 when not known.
 *
 * Element messages DUB_GST_INPUT_LATE_NAME, at the start of each episode: input is arriving too late to be
 * heard, "lateness" int64 ns. */
#pragma once

#include <gst/gst.h>

#define DUB_GST_STATS_NAME "stsdub-stats"
#define DUB_GST_PHRASE_NAME "stsdub-phrase"
#define DUB_GST_INPUT_LATE_NAME "stsdub-input-late"

/* Live blocks leave this long before running time + latency, so that what follows has them by its deadline.
 */
#define DUB_GST_OUTPUT_MARGIN_NS (20 * GST_MSECOND)

/* Registers the element for a program that links the library statically. After gst_init; any thread. */
gboolean dub_gst_register(void);
