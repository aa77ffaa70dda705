/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole text path on any bytes: a byte for the language, then what a recogniser or a translator has said.
 * Whatever goes in, UTF-8 comes out, and what has been tidied stays as it is. */
#include "fuzz_target.h"
#include "guard.h"
#include "names.h"
#include "numbers.h"
#include "prepare.h"
#include "question.h"

#include <string.h>

#define MAX_BYTES 4096

static const char *const languages[] = {"en", "es", "de", "fr", "it", "pt", "ca", "xx"};

static void check_utf8(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        g_error("no UTF-8: %s", text);
}

static void check_tidy(const char *text)
{
    g_autofree char *tidy = text_tidy(text);
    g_autofree char *again = text_tidy(tidy);
    check_utf8(tidy);
    if (strcmp(tidy, again) != 0)
        g_error("\"%s\" becomes \"%s\"", tidy, again);
}

static void check_words(const char *text, const char *language)
{
    g_autofree char *digits = text_numbers_to_digits(text, language);
    g_autofree char *scores = text_scores_to_digits(text, language);
    g_autofree char *names = text_restore_names(text, language);
    g_autofree char *localised = text_numbers_localise(text, language, "es");
    text_is_question(text, language);
    guard_transcript_of_sound(text, 1000, 500);
    guard_translation(text, names);
    if (g_utf8_validate(text, -1, NULL) && g_utf8_strlen(names, -1) != g_utf8_strlen(text, -1))
        g_error("capitals have changed \"%s\" into \"%s\"", text, names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > MAX_BYTES)
        return 0;
    const char *language = languages[data[0] % G_N_ELEMENTS(languages)];
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
    g_autofree char *valid = text_tidy(text);
    g_autofree char *sentence = text_sentence_from_words(text, language);
    g_autofree char *spoken = text_prepare_for_speech(text, language);
    g_autofree char *opened = text_open_questions(valid, language);
    check_utf8(sentence);
    check_utf8(spoken);
    check_utf8(opened);
    check_tidy(text);
    check_words(valid, language);
    check_words(text, language);
    return 0;
}
