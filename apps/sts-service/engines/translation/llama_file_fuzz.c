/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever a model file holds, it is looked at within its bounds; and what is no GGUF file is none. */
#include "llama_file.h"

#include <fuzz_target.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *fault = llama_file_fault(data, size);
    if (!fault && (size < 24 || memcmp(data, "GGUF", 4) != 0))
        abort();
    if (fault && *fault == '\0')
        abort();
    return 0;
}
