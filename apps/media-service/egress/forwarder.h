/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of an egress-forwarder: an input that is waited for until its grace is over, a destination that is
 * tried for ever while the input is there, and between the two the feed. All calls on the main thread. */
#pragma once

#include "settings.h"

#include <dubbing_error.h>

struct forwarder;

/* NULL with an error: another forwarder serves the stream. settings is borrowed. */
struct forwarder *forwarder_new(const struct egress_settings *settings, struct dub_error *error);
/* Runs the default main context until the end; the exit code. */
int forwarder_run(struct forwarder *forwarder);
/* Ends in order, within 3 s. */
void forwarder_stop(struct forwarder *forwarder);
/* NULL is fine. */
void forwarder_free(struct forwarder *forwarder);
