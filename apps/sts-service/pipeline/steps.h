/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each stage does with one fragment: recognise, translate, speak and fit; the guards against invented
 * text stand between them (system.md section 7). Blocking; on pool threads. */
#pragma once

#include "engines.h"
#include "job.h"

enum step_outcome {
    STEP_NEXT,  /* on to the next stage */
    STEP_DONE,  /* the result is complete */
    STEP_FAILED /* error says why */
};

typedef enum step_outcome (*step)(const struct engines *engines, struct job *job, struct dub_error *error);

/* Each looks at the deadline and the cancellable first, and fills the job's result. */
enum step_outcome step_recognise(const struct engines *engines, struct job *job, struct dub_error *error);
enum step_outcome step_translate(const struct engines *engines, struct job *job, struct dub_error *error);
enum step_outcome step_speak(const struct engines *engines, struct job *job, struct dub_error *error);
