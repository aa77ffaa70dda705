/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_text.h>

#include <string.h>

#define MAX_CONTINUATION_BYTES 3

int dub_text_cut(const char *text, int max_bytes)
{
    int length = (int)strnlen(text, (size_t)max_bytes + 1);
    if (length <= max_bytes)
        return length;
    /* The byte after the cut must begin a character. */
    int least = max_bytes > MAX_CONTINUATION_BYTES ? max_bytes - MAX_CONTINUATION_BYTES : 0;
    int cut = max_bytes;
    while (cut > least && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    return cut;
}
