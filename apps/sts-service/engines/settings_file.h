/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: JSON files that somebody writes by hand and that are read once at start (voices,
 * terms). Whatever is wrong with one is collected as strings, see problems.h. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#define SETTINGS_FILE_MAX_BYTES (1u << 20)

/* What such a text means; NULL where problems were added. */
typedef void *settings_file_parse(const char *text, gsize size, GPtrArray *problems);

/* NULL, with problems that do not name the path, where the file cannot be read, is larger than
 * SETTINGS_FILE_MAX_BYTES, or is not understood. */
void *settings_file_read(const char *path, settings_file_parse *parse, GPtrArray *problems);
/* Borrowed from the node; NULL: it is no string. */
const char *settings_file_string(JsonNode *node);
