/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the pocketsphinx engine: whether one file of a model is whole.
 *
 * The formats say in their heads how long they are, and the Sphinx-3 ones end with a checksum. The library
 * believes the heads: half a file makes it read beyond the end, or end the process. */
#pragma once

#include <stddef.h>

enum sphinx_file {
    SPHINX_MDEF,        /* mdef: binary ("BMDF") or text */
    SPHINX_GAUSSIANS,   /* means, variances */
    SPHINX_TRANSITIONS, /* transition_matrices */
    SPHINX_WEIGHTS,     /* mixture_weights */
    SPHINX_SENDUMP,     /* sendump: the weights, quantised */
    SPHINX_LANGUAGE,    /* *.lm.bin ("Trie Language Model"), *.lm (ARPA), *.dmp (not looked into) */
    SPHINX_LINES,       /* feat.params, *.dict: lines of text */
};

/* NULL: as whole as can be told. Else what is wrong, static: "is cut short", "is damaged". data may hold
 * anything. */
const char *sphinx_file_fault(enum sphinx_file kind, const void *data, size_t size);
