/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever a WAV file holds, what comes out is a clip within the limits, and writing it gives it back. */
#include "wav.h"

#include <fuzz_target.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pcm_auto clip = {0};
    pcm_auto again = {0};
    struct dub_error error = {0};
    if (!wav_parse(data, size, &clip, &error)) {
        if (error.code != DUB_ERROR_INVALID_AUDIO_FORMAT || !error.message[0])
            abort();
        return 0;
    }
    g_autoptr(GBytes) bytes = wav_build(&clip);
    if (!wav_parse(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), &again, NULL) ||
        again.count != clip.count || again.rate_hz != clip.rate_hz)
        abort();
    return 0;
}
