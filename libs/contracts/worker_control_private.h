/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the messages of the control socket share. */
#pragma once

#include "fields.h"

#include <dubbing_worker_control.h>

/* {"type": type}, to be filled. */
JsonObject *worker_message_new(const char *type);
/* A line of another kind read as this one would be full of defaults: reports it. */
void worker_message_check_type(struct dub_json_reader *reader, const char *expected);
