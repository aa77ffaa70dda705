/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the piper engine: the voices' loaded models. So many are kept; of more, the one that was not
 * used for longest makes room. Any thread. */
#pragma once

#include "piper_find.h"
#include "piper_session.h"

#define PIPER_SHELF_MAX 8

struct piper_shelf;

struct piper_shelf *piper_shelf_new(const char *device, int threads);
/* NULL is fine. After all have been given back. */
void piper_shelf_free(struct piper_shelf *shelf);

/* Loads it where it is not loaded; who asks meanwhile waits for that. NULL as piper_session_load(). */
const struct piper_session *piper_shelf_take(struct piper_shelf *shelf, const struct piper_found *found,
                                             struct dub_error *error);
void piper_shelf_give_back(struct piper_shelf *shelf, const struct piper_found *found);

/* How many are loaded; whether the last one went to a GPU. */
guint piper_shelf_loaded(struct piper_shelf *shelf);
bool piper_shelf_on_gpu(struct piper_shelf *shelf);
