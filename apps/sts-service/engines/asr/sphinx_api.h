/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two PocketSphinx releases that Debian has, as one: 5prealpha (Debian 12 and 13), with its SphinxBase,
 * and 5 (later ones), whose names are used. For sphinx_decoder.c alone. Source: the releases' headers; for
 * the front end of 5, which is in the library but not in its headers, its src/fe/fe.h. */
#ifndef STS_SPHINX_API_H
#define STS_SPHINX_API_H

#include <pocketsphinx.h>
#include <stddef.h>

#if __has_include(<sphinxbase/ngram_model.h>)

#include <sphinxbase/err.h>
#include <sphinxbase/ngram_model.h>

#define SPHINX_RELEASE_5 0

#define ps_add_lm ps_set_lm
#define ps_activate_search ps_set_search

static inline void sphinx_fe_start(fe_t *front_end)
{
    fe_start_stream(front_end);
    fe_start_utt(front_end);
}

static inline int sphinx_fe_process(fe_t *front_end, const int16 **samples, size_t *count, mfcc_t **frames,
                                    int32 *frame_count)
{
    return fe_process_frames(front_end, samples, count, frames, frame_count, NULL);
}

static inline void sphinx_free_phones(char *phones)
{
    ckd_free(phones);
}

#else

#include <pocketsphinx/err.h>
#include <pocketsphinx/model.h>
#include <pocketsphinx/search.h>
#include <stdlib.h>

#define SPHINX_RELEASE_5 1

typedef float32 mfcc_t;
typedef struct fe_s fe_t;

fe_t *ps_get_fe(ps_decoder_t *ps);
int fe_start_utt(fe_t *front_end);
void fe_get_input_size(fe_t *front_end, int *shift, int *size);
int fe_get_output_size(fe_t *front_end);
int fe_process_frames(fe_t *front_end, const int16 **samples, size_t *count, mfcc_t **frames,
                      int32 *frame_count);
int fe_end_utt(fe_t *front_end, mfcc_t *frame, int32 *frame_count);

static inline void sphinx_fe_start(fe_t *front_end)
{
    fe_start_utt(front_end);
}

static inline int sphinx_fe_process(fe_t *front_end, const int16 **samples, size_t *count, mfcc_t **frames,
                                    int32 *frame_count)
{
    return fe_process_frames(front_end, samples, count, frames, frame_count);
}

static inline void sphinx_free_phones(char *phones)
{
    free(phones);
}

#endif

#endif
