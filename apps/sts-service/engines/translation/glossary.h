/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A glossary: words and phrases that are kept as they are written here, or replaced by a given translation,
 * whatever the translator would make of them. Terms are found as whole words, whatever their case, the
 * longest first; no inflection is attempted. Immutable, any thread.
 *
 * A file (STS_GLOSSARY_FILE) is
 *
 *     {"names": ["Ada Lovelace"],
 *      "pairs": {"en-es": {"keep": ["BBC"], "replace": {"goalkeeper": "portero"}}}}
 *
 * with `names` kept in every pair. One stream may bring its own in stream:init (docs/contracts.md); where
 * both have a term, the stream's holds. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>

#define GLOSSARY_MAX_TERMS 2000 /* of a file, together */
#define GLOSSARY_MAX_TERM_BYTES 128
#define GLOSSARY_MAX_TERM_WORDS 12

struct glossary;

/* NULL with INVALID_CONFIG that names the file and every problem in it. */
struct glossary *glossary_load(const char *path, struct dub_error *error);
/* The same, every problem as a string of its own that does not name the file. */
struct glossary *glossary_read(const char *path, GPtrArray *problems);
/* As glossary_read(). */
struct glossary *glossary_parse(const char *text, gsize size, GPtrArray *problems);
/* Of a stream, for whatever pair it has. keep: terms; replace: term, translation, term, translation; both
 * NULL-terminated, NULL: none. NULL with INVALID_CONFIG that names the terms that cannot be used. */
struct glossary *glossary_for_stream(char *const *keep, char *const *replace, struct dub_error *error);
void glossary_free(struct glossary *glossary);
guint glossary_size(const struct glossary *glossary);

/* What of the text stands in the glossaries (either may be NULL), as struct protect_span in order, at most
 * PROTECT_MAX_SPANS; the values are borrowed from the glossaries. text: NFC. Owned by the caller. */
GArray *glossary_find(const struct glossary *stream, const struct glossary *file, const char *source_language,
                      const char *target_language, const char *text);
