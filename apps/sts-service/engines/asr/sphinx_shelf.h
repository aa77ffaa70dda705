/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the pocketsphinx engine: the decoders of one thread, all kept warm: the plain one, and one per
 * vocabulary of hints in use, a few at most. */
#pragma once

#include "sphinx_decoder.h"

/* Vocabularies kept; each takes 65 MB. */
#define SHELF_VOCABULARIES 4
/* One that was used more recently than this is not replaced by another. */
#define SHELF_KEEP_NS (30 * DUB_NS_PER_S)

struct sphinx_shelf;
/* Loads the plain decoder. NULL as sphinx_decoder_load. `model` outlives the shelf. */
struct sphinx_shelf *sphinx_shelf_new(const struct sphinx_model *model, struct dub_error *error);
void sphinx_shelf_free(struct sphinx_shelf *shelf);
/* The decoder for these hints (NULL: none); the plain one when they are not there. At once. Valid until the
 * next call of sphinx_shelf_learn. now_ns: monotonic. */
struct sphinx_decoder *sphinx_shelf_take(struct sphinx_shelf *shelf, const struct hints *hints,
                                         int64_t now_ns);
/* Whether they have been loaded, or found useless. */
bool sphinx_shelf_knows(struct sphinx_shelf *shelf, const struct hints *hints);
/* Loads a decoder for these hints where there is none yet: a quarter of a second, more on a busy machine. Not
 * when they cannot be used or all places are taken by vocabularies in use, which is logged once. */
void sphinx_shelf_learn(struct sphinx_shelf *shelf, const struct hints *hints, int64_t now_ns);
