/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to tts/: eSpeak NG's helper processes that are kept warm, one for each call that is made at a time.
 * Any thread. */
#pragma once

#include "espeak_process.h"

struct espeak_pool;

struct espeak_pool *espeak_pool_new(void);
/* NULL is fine. After all have been given back. */
void espeak_pool_free(struct espeak_pool *pool);

/* The one used last, whose voice may be the caller's, or a new one. NULL as espeak_process_start(). */
struct espeak_process *espeak_pool_take(struct espeak_pool *pool, const struct engine_call *call,
                                        struct dub_error *error);
/* Takes the process; one that is broken is freed. */
void espeak_pool_give_back(struct espeak_pool *pool, struct espeak_process *process);
