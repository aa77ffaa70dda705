/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text from outside, as it is shown in messages. */
#pragma once

/* How many bytes of UTF-8 text to show so that no more than max_bytes are and no character is cut in two:
 *
 *     "%.*s", dub_text_cut(name, 40), name
 *
 * Text that is not UTF-8 is cut somewhere in its last four bytes. max_bytes: at least 0. */
int dub_text_cut(const char *text, int max_bytes);
