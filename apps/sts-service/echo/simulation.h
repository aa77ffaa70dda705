/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a test asked the echo to pretend on one connection: errors by rule, backpressure. Pure. */
#pragma once

#include <dubbing_events.h>

struct simulation {
    struct dub_error_simulation errors;
    struct dub_backpressure_simulation pressure;
};

void simulation_clear(struct simulation *simulation);
/* The error that the first matching rule asks for, or NULL. nth counts the stream's fragments from 1. */
const struct dub_error *simulation_error(const struct simulation *simulation,
                                         const struct dub_fragment_data *fragment, int64_t nth);
