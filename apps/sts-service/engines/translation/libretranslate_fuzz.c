/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a LibreTranslate server answers, read as either of the two. Pairs have two different codes. */
#include "libretranslate_answer.h"

#include <fuzz_target.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = libretranslate_read_text(data, size);
    GArray *pairs = libretranslate_read_languages(data, size);
    if (text && !g_utf8_validate(text, -1, NULL))
        abort();
    for (guint i = 0; pairs && i < pairs->len; i++) {
        const struct libretranslate_pair *pair = &g_array_index(pairs, struct libretranslate_pair, i);
        if (strcmp(pair->source, pair->target) == 0)
            abort();
    }
    if (pairs)
        g_array_unref(pairs);
    return 0;
}
