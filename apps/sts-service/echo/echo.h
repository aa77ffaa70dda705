/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processor of `--mode echo`: returns each fragment's own audio, after a delay, without any engine. For
 * tests of clients, which may ask for errors and backpressure (simulation.h). PCM that has the form which the
 * stream asked for is returned byte for byte by the main loop itself; everything else (M4A, another rate)
 * is decoded and encoded on threads of its own. What is not done by its deadline is answered with TIMEOUT
 * then, whether it waits for the delay or for a thread. */
#pragma once

#include "../pipeline/processor.h"

#include <dubbing_clock.h>

/* delay_ms from submission to answer; 0: at the next turn of the main loop. clock: of the jobs' deadlines;
 * NULL: the monotonic one. The delay is real time. */
struct processor *echo_new(unsigned delay_ms, const struct dub_clock *clock);
/* Frees what is waiting without answering. NULL is fine. */
void echo_free(struct processor *processor);
