/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the piper engine: the border to ONNX Runtime. A session is a loaded model; any number of threads
 * may run it at a time. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct piper_session; /* read-only once loaded */
struct piper_stop;    /* ends one run from another thread */

struct piper_session_terms {
    const char *device; /* as in struct engine_config */
    int threads;        /* of one run */
    bool speakers;      /* the voice has several: the model must take one */
};

/* Whether this library computes on GPUs at all; Debian's does not. */
bool piper_session_has_cuda(void);
/* Slow. UNAVAILABLE names the file, and what is wrong with its inputs or output; INVALID_CONFIG says why the
 * GPU that terms demand cannot be used. Where the library has no CUDA, it is the processor that computes. */
struct piper_session *piper_session_load(const char *path, const struct piper_session_terms *terms,
                                         struct dub_error *error);
/* NULL is fine. After its runs. */
void piper_session_free(struct piper_session *session);
bool piper_session_on_gpu(const struct piper_session *session);
/* "1.23.2", static. */
const char *piper_session_version(void);

struct piper_stop *piper_stop_new(void);
/* Of its run, at the model's next step; one that has not begun ends at once. */
void piper_stop_now(struct piper_stop *stop);
void piper_stop_free(struct piper_stop *stop);

struct piper_input {
    const GArray *ids; /* int64_t: one sentence */
    float noise_scale, length_scale, noise_width;
    int speaker; /* for a voice with several */
};
/* Appends int16_t samples, of which there are max_samples at most then. MODEL_ERROR when the library fails or
 * gives no sound, TTS_SYNTHESIS_FAILED for too much of it. */
bool piper_session_run(const struct piper_session *session, const struct piper_input *input,
                       struct piper_stop *stop, GArray *samples, gsize max_samples, struct dub_error *error);
