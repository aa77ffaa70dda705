/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done to a text before Apertium and to its answer behind it, on any bytes: a byte for the direction,
 * the text, and behind a NUL the answer. An answer that has kept every hidden word must be put together. */
#include "apertium_phrases.h"
#include "apertium_source.h"
#include "apertium_text.h"
#include "fuzz_target.h"

#include <string.h>

#define MAX_BYTES 4096

static void check_kept(const struct apertium_hidden *hidden, const char *text, const char *source,
                       const char *target)
{
    g_autofree char *whole =
        apertium_source_finish(hidden->text, hidden->text, &hidden->protection, text, source, target);
    if (!whole)
        g_error("\"%s\" has lost what was hidden", hidden->text);
}

static void use_answer(const struct apertium_hidden *hidden, const char *answer, const char *text,
                       const char *source, const char *target)
{
    g_autofree char *stream = apertium_text_to_stream(hidden->text);
    g_autofree char *named = apertium_text_capitalise_unknown(answer, hidden->text);
    g_autofree char *plain = apertium_text_from_stream(answer, text);
    g_autofree char *echoed = apertium_text_from_stream(stream, text);
    g_autofree char *whole =
        apertium_source_finish(plain, hidden->text, &hidden->protection, text, source, target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const pairs[][2] = {{"en", "es"}, {"es", "en"}, {"en", "fr"}, {"de", "en"}};
    if (size == 0 || size > MAX_BYTES)
        return 0;
    const char *const *pair = pairs[data[0] % G_N_ELEMENTS(pairs)];
    g_autofree char *bytes = g_strndup((const char *)data + 1, size - 1);
    g_autofree char *text = g_utf8_make_valid(bytes, -1);
    gsize used = strlen(bytes) + 2;
    g_autofree char *rest = used < size ? g_strndup((const char *)data + used, size - used) : g_strdup("");
    g_autofree char *answer = g_utf8_make_valid(rest, -1);
    struct apertium_phrases *phrases = apertium_phrases_new();
    struct apertium_hidden hidden;
    g_autofree char *sent = apertium_source_prepare(text, pair[0]);
    apertium_phrases_hide(phrases, sent, pair[0], pair[1], &hidden);
    check_kept(&hidden, text, pair[0], pair[1]);
    use_answer(&hidden, answer, text, pair[0], pair[1]);
    apertium_hidden_clear(&hidden);
    apertium_phrases_free(phrases);
    return 0;
}
