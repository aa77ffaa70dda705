/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever stands in a voices file, it is refused with a message or gives profiles that can be found. */
#include "voices.h"

#include <fuzz_target.h>
#include <stdlib.h>
#include <string.h>

static void check_profiles(const struct voices *voices)
{
    g_auto(GStrv) profiles = voices_profiles(voices, "espeak-ng");
    if (g_strv_length(profiles) > 256)
        abort();
    for (char **profile = profiles; *profile; profile++) {
        const struct voice *voice = voices_by_name(voices, *profile);
        if (!voice || !voice->language || !voice->engine || !voice->model || strcmp(*profile, "default") == 0)
            abort();
        if (voices_find(voices, *profile, voice->language, "espeak-ng") != voice ||
            !voices_find(voices, "default", voice->language, "espeak-ng"))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dub_error error = {0};
    struct voices *voices = voices_parse((const char *)data, size, &error);
    if (voices)
        check_profiles(voices);
    else if (error.code != DUB_ERROR_INVALID_CONFIG || *error.message == '\0' ||
             !g_utf8_validate(error.message, -1, NULL))
        abort();
    voices_free(voices);
    return 0;
}
