/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a chat model answers, and the guards' verdict of it. */
#include "chat_guard.h"
#include "openai_chat.h"

#include <fuzz_target.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dub_error error = {0};
    g_autofree char *text = openai_chat_read(data, size, "good evening and welcome", &error);
    if ((text == NULL) != (error.code != DUB_ERROR_NONE))
        abort();
    if (!text)
        return 0;
    if (!g_utf8_validate(text, -1, NULL))
        abort();
    const char *verdict = chat_guard("good evening and welcome", text, "en", "es");
    if (*text == '\0' && !verdict)
        abort();
    return 0;
}
