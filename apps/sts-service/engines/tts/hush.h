/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the piper engine: a library that writes to stderr by itself, where only lines of the log belong.
 * While it does, stderr is a file in memory; then all lines that are not its known ones go where they belong.
 * What other threads write meanwhile comes a little later. One at a time. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct hush {
    int real; /* stderr as it was; -1: nothing was changed */
    int kept; /* the file in memory */
};

void hush_begin(struct hush *hush);
/* Lines that begin so are dropped, and empty ones behind them. Returns their number. */
guint hush_end(struct hush *hush, const char *prefix);
