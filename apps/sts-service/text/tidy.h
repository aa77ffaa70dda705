/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to text/: what the other files share. */
#pragma once

#include <glib.h>

/* Drops what is not UTF-8; white space and control characters become plain spaces. Owned by the caller. */
char *text_valid_utf8(const char *text);
