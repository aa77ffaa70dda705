/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the pocketsphinx engine: where a model's three parts lie, and whether they look whole.
 *
 * The library ends the process when it meets a damaged model, so what can be checked cheaply is checked
 * before it sees the files: presence, and whether each is whole (sphinx_files.h). */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>

struct sphinx_model {
    char *name;           /* "en-us" */
    char *language;       /* "en" */
    char *directory;      /* holds the three */
    char *acoustic_dir;   /* a directory with mdef, means, variances, transition_matrices, sendump or
                             mixture_weights */
    char *language_model; /* *.lm.bin, *.lm or *.dmp */
    char *dictionary;     /* *.dict or *.dic */
    char *decoder_params; /* decoder.params: options of the library that this model wants, as in its own
                             feat.params; NULL: there is none */
};

/* directory NULL or "": the distribution's English model. UNAVAILABLE, naming the file, for what is missing
 * or broken. */
bool sphinx_model_find(struct sphinx_model *model, const char *directory, struct dub_error *error);
void sphinx_model_clear(struct sphinx_model *model);
