/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the apertium engine: between plain text and Apertium's stream format
 * (https://wiki.apertium.org/wiki/Apertium_stream_format). Pure. Results are owned by the caller. */
#pragma once

#include <glib.h>

/* Escapes the format's characters and ends the text as a sentence. */
char *apertium_text_to_stream(const char *text);
/* Unescapes, drops the marks of unknown words (* @ #) and blanks. Where the source had no final punctuation,
 * the one that apertium_text_to_stream() added goes too. */
char *apertium_text_from_stream(const char *stream, const char *source);
guint apertium_text_count_unknown(const char *stream);
/* The source with every word that the stream marks as unknown (*london) capitalised: names that a recogniser
 * wrote small are in the dictionary with a capital. NULL when there is none to try. */
char *apertium_text_capitalise_unknown(const char *stream, const char *source);
