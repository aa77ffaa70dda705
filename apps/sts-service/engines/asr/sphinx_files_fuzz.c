/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever a model file holds, it is looked at within its bounds, as every kind in turn. A binary one that is
 * whole stays so with more behind it. */
#include "sphinx_files.h"

#include <fuzz_target.h>
#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree uint8_t *longer = g_malloc0(size + 1);
    if (size > 0)
        memcpy(longer, data, size);
    for (int kind = SPHINX_MDEF; kind <= SPHINX_LINES; kind++) {
        bool whole = !sphinx_file_fault((enum sphinx_file)kind, data, size);
        if (whole && size == 0)
            abort();
        bool binary = size > 0 && memcmp(data, "0.3", MIN(size, 3)) != 0 && kind < SPHINX_LANGUAGE;
        if (whole && binary && sphinx_file_fault((enum sphinx_file)kind, longer, size + 1))
            abort();
    }
    return 0;
}
