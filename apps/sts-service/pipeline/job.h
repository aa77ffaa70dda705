/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One fragment on its way through the service, and what processes it: the pipeline of engines or the echo.
 *
 * Ownership moves with the job: whoever made it hands it to a processor, the processor hands it back through
 * `done` on the main loop's thread. In between, that thread may read the fragment's address and may clear
 * `done`, nothing else. */
#pragma once

#include <dubbing_events.h>
#include <gio/gio.h>

/* What all fragments of a stream share. Immutable once jobs have it, counted, any thread. */
struct job_settings {
    char *stream_id;
    char *session_id; /* NULL: a single request */
    char *worker_id;  /* likewise */
    char *source_language;
    char *target_language;
    char *voice_profile;
    char **domain_hints;       /* may be NULL */
    struct glossary *glossary; /* of the stream; NULL: none */
    int out_sample_rate_hz;    /* of the dubbed audio; 0: like the fragment's */
    int out_channels;          /* likewise */
    enum dub_audio_format out_format;
};

struct job_settings *job_settings_new(const char *stream_id, const struct dub_stream_config *config);
/* Who sends the stream, for logs and lineage. Before the first job. */
void job_settings_set_origin(struct job_settings *settings, const char *session_id, const char *worker_id);
struct job_settings *job_settings_ref(struct job_settings *settings);
void job_settings_unref(struct job_settings *settings);

/* The phrase on its way from stage to stage; NULL where it has not come that far. What the client is told is
 * in the result. */
struct job_text {
    char *transcript;           /* as the recogniser says it: bare words */
    char *prepared_source;      /* the sentence made of it, which is translated */
    char *translation;          /* as the translator says it */
    char *prepared_translation; /* what is spoken */
    char *language;             /* of the transcript, where the recogniser had to find it out */
};

void job_text_clear(struct job_text *text);

/* Owners of sessions count up from 1; those of single requests from here on. */
#define JOB_FIRST_REQUEST (UINT64_C(1) << 63)
/* The owner of what nobody waits for. */
#define JOB_WARM_UP 0

enum job_stage { JOB_ASR, JOB_TRANSLATION, JOB_TTS, JOB_N_STAGES };

struct job {
    uint64_t owner; /* one per session or request: the unit of cancelling */
    struct job_settings *settings;
    struct dub_fragment_data fragment;
    int64_t arrived_ns;  /* on the monotonic clock, as the deadline */
    int64_t deadline_ns; /* the answer is of no use after it */
    GCancellable *cancellable;
    struct dub_error forced; /* code not NONE: the result is to be this failure (bad audio, simulation) */

    struct job_text text;                 /* of the processor */
    struct dub_fragment_processed result; /* of the processor: complete but for processing_time_ms */

    /* Main loop's thread. Takes the job. NULL: nobody waits any more and the job is freed. */
    void (*done)(struct job *job, void *user);
    void *user;

    /* The processor's own. */
    void *work;
    GDestroyNotify free_work;
    int64_t queued_ns;
    int64_t waited_ns[JOB_N_STAGES]; /* for each stage; 0 where it has not come to it */
};

/* Takes the fragment's members and leaves it empty. References settings and cancellable. */
struct job *job_new(uint64_t owner, struct job_settings *settings, struct dub_fragment_data *take_fragment,
                    GCancellable *cancellable);
void job_free(struct job *job);
/* The unit of fair sharing: a session is one, all single requests together are one. */
uint64_t job_stream(const struct job *job);
/* Calls `done`, or frees the job when nobody waits. Main loop's thread. */
void job_finish(struct job *job);
/* One line about the result, with everything that it can be found by. */
void job_log_result(const struct job *job);
/* Makes the result a failure. */
void job_fail(struct job *job, const struct dub_error *error);
