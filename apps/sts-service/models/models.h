/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sts-service models list|check|path: which models are recommended, and which of them are whole here. Reads
 * files, fetches and changes nothing. */
#pragma once

#include "manifest.h"

#include <glib.h>
#include <stdbool.h>

enum model_state { MODEL_ABSENT, MODEL_WHOLE, MODEL_SPOILT };

/* What lies in the folder under an entry's name: whole when size and checksum are right. quick: the size
 * alone is looked at. */
enum model_state model_state_of(const struct model_entry *entry, const char *folder, bool quick);

/* Runs one of the three with its words after "models". What it prints goes to out, complaints to complaint.
 * The result is the program's exit code: 0; 1: a file is spoilt, or the model is not there; 2: not
 * understood. */
int models_command(const struct model_entry *manifest, const char *folder, int count, char **words,
                   GString *out, GString *complaint);
