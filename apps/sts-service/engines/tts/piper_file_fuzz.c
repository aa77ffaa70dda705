/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever a model file holds, it is looked at within its bounds, and none that is cut is whole. */
#include "piper_file.h"

#include <fuzz_target.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *fault = piper_file_fault(data, size);
    if (size == 0 && !fault)
        abort();
    return 0;
}
