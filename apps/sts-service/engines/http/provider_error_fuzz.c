/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The body of a refusal. The message is one line of UTF-8 within its bounds, without the key. */
#include "provider_error.h"

#include <fuzz_target.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct provider_error error;
    provider_error_read(data, size, "sk-key", &error);
    if (!g_utf8_validate(error.message, -1, NULL) || strlen(error.message) > PROVIDER_ERROR_MAX_BYTES)
        abort();
    if (strstr(error.message, "sk-key") || strpbrk(error.message, "\r\n"))
        abort();
    return 0;
}
