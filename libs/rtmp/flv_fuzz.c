/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_flv.h"

#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flv_tag tag;
    flv_parse_video(data, size, &tag);
    flv_parse_audio(data, size, &tag);
    return 0;
}
