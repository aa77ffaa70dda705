/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The element stsdub, split by side: stsdub.c (class, states, input), stsdub_output.c (the task that pushes
 * blocks), stsdub_speech.c (phrases to and from the sts-service), stsdub_properties.c (settings),
 * stsdub_stats.c.
 *
 * Threads: the upstream streaming thread runs the sink functions, a task of the src pad mixes and pushes, the
 * exchange has a thread of its own for answers, the stretch another one for clips in a hurry. `lock` is a
 * leaf lock around the dubber and what is marked so below; it is never held while pushing, posting, waiting
 * for the clock or calling the exchange. */
#pragma once

#include "dubber/dubber.h"
#include "exchange/exchange.h"
#include "sound/stretch_thread.h"
#include <gst/audio/audio.h>
#include <gst/gst.h>
#include <math.h>
#include <pthread.h>

GST_DEBUG_CATEGORY_EXTERN(stsdub_debug);
#define GST_CAT_DEFAULT stsdub_debug

G_BEGIN_DECLS
#define STS_TYPE_DUB (sts_dub_get_type())
G_DECLARE_FINAL_TYPE(StsDub, sts_dub, STS, DUB, GstElement)

/* Added to the measured round trip: what is lost between a phrase's end and its sending, and between its
 * answer and its placing. */
#define STS_DUB_RTT_MARGIN_NS (250 * DUB_NS_PER_MS)
/* Before anything was measured. */
#define STS_DUB_RTT_GUESS_NS (800 * DUB_NS_PER_MS)

enum sts_mode { STS_MODE_ENABLED, STS_MODE_PASSTHROUGH, STS_MODE_DISABLED };
enum sts_mix_mode { STS_MIX_DUCK, STS_MIX_REPLACE, STS_MIX_BACKGROUND };

/* What the properties hold. Guarded by the lock; all but max_lag_ns and what is marked only change in NULL
 * and READY. */
struct sts_dub_settings {
    guint64 latency_ns, max_lag_ns;
    gboolean live;
    char *stream_id, *worker_id, *sts_url, *sts_api_key;
    enum sts_mode sts_mode;
    guint sts_timeout_ms;
    char *source_lang, *target_lang, *voice;
    char *capture_dir;                /* NULL or "": none */
    enum sts_mix_mode mix_mode;       /* while playing too */
    enum dub_bed fallback;            /* likewise */
    double duck_gain_db, dub_gain_db; /* likewise */
    gboolean bypass;                  /* likewise */
    enum dub_fragmenter_mode fragmenter;
    guint64 segment_ns;
    guint max_inflight;
};

struct _StsDub {
    GstElement parent;
    GstPad *sinkpad, *srcpad;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* anything below changed that a thread may wait for */
    struct sts_dub_settings settings;
    struct dub_dubber *dubber;    /* from READY to PAUSED on; lock */
    bool flushing;                /* lock: both sides give up at once */
    bool closed;                  /* lock: the input is, and who waits in it gives up at once */
    bool playing;                 /* lock */
    bool eos;                     /* lock: the input has ended */
    GstFlowReturn flow;           /* lock: what downstream said last */
    GQueue events;                /* lock: GstEvent, to be pushed by the task before the next block */
    GstClockID clock_id;          /* lock: what the task waits for */
    GstClockTime peer_latency;    /* lock: of what is upstream */
    GstSegment out_segment;       /* lock */
    bool have_out_segment;        /* lock: cleared by a flush */
    bool discont;                 /* lock: of the next block */
    uint64_t blocks, late_blocks; /* lock */
    uint64_t stretched_phrases;   /* lock */
    GHashTable *source_lufs;      /* lock: uint64_t id -> double, of phrases in flight */
    pthread_mutex_t report_lock;  /* taken before `lock`: phrases are posted in their order */

    /* Set and cleared while no pad is active; NULL unless enabled. The lock is for others who look at it. */
    struct dub_exchange *exchange;
    struct dub_stretch_thread *stretch;  /* as long as the exchange, and used by its thread only */
    struct dub_exchange_stats sts_stats; /* exchange_lock: as left by the exchange that ended last */
    pthread_mutex_t exchange_lock;

    GstSegment in_segment; /* sink thread */
    bool leads_in;         /* sink thread: the first buffer may come after the beginning of the stream */
    bool input_is_late;    /* sink thread: within an episode already told about */
};

/* stsdub_properties.c */
void sts_dub_install_properties(GObjectClass *class);
void sts_dub_settings_init(struct sts_dub_settings *settings);
/* Makes up what was not set and has no default; with the lock. */
void sts_dub_settings_complete(struct sts_dub_settings *settings);
void sts_dub_settings_clear(struct sts_dub_settings *settings);
/* Hands what may change while playing to the dubber; with the lock. */
void sts_dub_apply_mix(StsDub *self);

/* stsdub_stats.c; takes the lock */
GstStructure *sts_dub_new_stats(StsDub *self);

/* stsdub_output.c: the src pad's functions */
gboolean sts_dub_src_activate(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active);
gboolean sts_dub_src_query(GstPad *pad, GstObject *parent, GstQuery *query);
gboolean sts_dub_src_event(GstPad *pad, GstObject *parent, GstEvent *event);
void sts_dub_start_output(StsDub *self);
/* With the lock: wakes everything that waits, the clock included. */
void sts_dub_wake(StsDub *self);
/* The moment on the pipeline's clock at which the block with this running time is mixed; with the lock. */
GstClockTime sts_dub_due_time(StsDub *self, int64_t running_ns);

/* stsdub_speech.c; none with the lock */
/* Begins the conversation with the service, where the mode asks for it. */
void sts_dub_open_exchange(StsDub *self);
void sts_dub_close_exchange(StsDub *self);
/* Any thread. */
void sts_dub_get_exchange_stats(StsDub *self, struct dub_exchange_stats *stats);
/* Sends what was found, and reports what was settled. Sink thread and task. */
void sts_dub_send_requests(StsDub *self);
/* Posts a message per settled phrase. Any thread. */
void sts_dub_report_phrases(StsDub *self);
G_END_DECLS
