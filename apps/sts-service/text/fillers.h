/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to text/: sounds of hesitation, which nobody wants to hear in a dub. */
#pragma once

#include <glib.h>

/* Removes "uh", "um" and their kin from the words (owned strings; TEXT_PAUSE may stand between them), and
 * "you know" where it can be nothing else. Punctuation behind one goes too, but a sentence's end stays. */
void text_drop_fillers(GPtrArray *words, const char *language);
