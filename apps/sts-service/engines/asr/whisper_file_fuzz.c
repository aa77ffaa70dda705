/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever a model file holds, it is looked at within its bounds; and no bytes are both kinds of model. */
#include "whisper_file.h"

#include <fuzz_target.h>
#include <stdbool.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool model = !whisper_file_fault(data, size);
    bool voice = !whisper_voice_file_fault(data, size);
    if ((model && voice) || (size == 0 && (model || voice)))
        abort();
    return 0;
}
