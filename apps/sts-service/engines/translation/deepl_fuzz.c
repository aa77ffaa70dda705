/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What DeepL answers, read as either of the two, and a target found among the languages. */
#include "deepl_answer.h"

#include <fuzz_target.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = deepl_read_text(data, size);
    g_auto(GStrv) codes = deepl_read_languages(data, size);
    if (text && !g_utf8_validate(text, -1, NULL))
        abort();
    if (codes && !*codes)
        abort();
    g_autofree char *target = deepl_target((const char *const *)codes, "es", "es-MX");
    if (codes && target && !g_strv_contains((const char *const *)codes, target))
        abort();
    return 0;
}
