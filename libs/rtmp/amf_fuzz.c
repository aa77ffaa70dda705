/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_amf.h"

#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dub_error error;
    struct dub_reader reader = dub_reader_on(data, size);
    g_autoptr(GPtrArray) values = amf_read_all(&reader, &error);
    if (values != NULL) {
        amf_string_or(amf_at(values, 0), "");
        amf_member(amf_at(values, 1), "app");
    }
    return 0;
}
