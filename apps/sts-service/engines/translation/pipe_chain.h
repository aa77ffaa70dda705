/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pipeline of long-lived filter processes, asked one text at a time: text and a NUL go in, the answer and a
 * NUL come out (Apertium's null flush). One user at a time.
 *
 * The children live on their standard input: when this process ends, however it ends, they read end of file
 * and go. */
#pragma once

#include "../engine.h"

#define PIPE_CHAIN_MAX_PROCESSES 24
#define PIPE_CHAIN_MAX_ANSWER (256u << 10)

struct pipe_chain;

/* commands: argument vectors in order; programs are looked up in PATH. UNAVAILABLE names the program that
 * cannot be started. */
struct pipe_chain *pipe_chain_start(char **const *commands, guint count, struct dub_error *error);
/* Ends the processes and waits for them. NULL is fine. */
void pipe_chain_free(struct pipe_chain *chain);

/* text without NUL inside. On false the chain is out of step and must be freed: CANCELLED, TIMEOUT,
 * TRANSLATION_FAILED when the answer is too long, or UNAVAILABLE when a process has ended. The answer is
 * appended. Returns within 20 ms of the deadline or of a cancel. */
bool pipe_chain_ask(struct pipe_chain *chain, const char *text, const struct engine_call *call,
                    GString *answer, struct dub_error *error);
/* For tests. */
pid_t pipe_chain_pid(const struct pipe_chain *chain, guint index);
