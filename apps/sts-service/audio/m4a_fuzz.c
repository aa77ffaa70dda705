/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever an MP4 file holds, what comes out is a sound within the limits or one kind of error. */
#include "m4a.h"

#include <fuzz_target.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sound_auto sound = {0};
    struct dub_error error = {0};
    if (!m4a_decode(data, size, &sound, &error)) {
        if (error.code != DUB_ERROR_INVALID_AUDIO_FORMAT || !error.message[0] || sound.samples)
            abort();
        return 0;
    }
    if (sound.frames == 0 || !sound_check_format(sound.rate_hz, sound.channels, NULL) ||
        !sound_check_length(sound.frames, sound.rate_hz, NULL))
        abort();
    return 0;
}
