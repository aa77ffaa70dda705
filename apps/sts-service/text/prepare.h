/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text between the stages: a recogniser's words become a sentence, a sentence becomes something to be spoken.
 *
 * All pure, any thread, UTF-8 in and out (bytes that are not UTF-8 are dropped). Results are owned by the
 * caller and never NULL. Languages are codes such as "en" or "es-MX"; what a language has no rules for is
 * left as it is. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Between two words of text_sentence_from_words(): the speaker paused, a sentence may end. */
#define TEXT_PAUSE "<p>"

/* "it 's what i meant" -> "It's what I meant.": capitals (those of names too), final stop or question mark,
 * split contractions, spelled letters ("b. b. c.") joined, numbers of several words and scores as digits;
 * hesitations
 * ("uh"), markers such as <sil>, ++NOISE++ and [COUGH] and pronunciation variants (`read(2)`) removed. Empty
 * where nothing else was there. Long runs are split where the words tell, and at TEXT_PAUSE. Text that
 * already has capitals or punctuation keeps them. */
char *text_sentence_from_words(const char *raw, const char *language);

/* For the synthesiser (requirement D4): quotes and dashes normalised, abbreviations and scores spoken in the
 * language, numbers left, white space and control characters tidied, mark-up characters that engines
 * interpret removed. */
char *text_prepare_for_speech(const char *text, const char *language);

/* Spanish opens questions and exclamations: "Qué hora es?" -> "¿Qué hora es?", where the mark
 * is not there yet. Text of another language comes back as it is. */
char *text_open_questions(const char *text, const char *language);

/* White space single, none before punctuation, trimmed. What every translation goes through. */
char *text_tidy(const char *text);
