/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: a model's file is read through by us before a library gets it, which would believe
 * what is written in it. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>

/* NULL: as whole as can be told. Else what is wrong, static: "is cut short". data may hold anything. */
typedef const char *model_file_check(const void *data, size_t size);

/* The file is mapped, not read: what the check does not look at is not touched. False with UNAVAILABLE that
 * names the file and says what to do. library: "llama.cpp". */
bool model_file_is_whole(const char *path, model_file_check *fault_of, enum dub_stage stage,
                         const char *library, struct dub_error *error);
/* For what the library then refuses: UNAVAILABLE, false. */
bool model_file_refused(const char *path, enum dub_stage stage, const char *library, const char *version,
                        struct dub_error *error);
