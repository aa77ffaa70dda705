/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has been written, or handed to an element that writes: how many bytes, and how long nothing has been
 * taken although something waits. Any thread, without locks. */
#pragma once

#include <gst/gst.h>
#include <stdint.h>

/* Zeroed to begin with; private. */
struct written_meter {
    int64_t bytes;
    int64_t since_ns; /* when something came through last, or began to wait */
};

/* Counts what comes to this pad from now on. The meter must outlive the pad; several may share one. */
void written_meter_watch(struct written_meter *meter, GstPad *pad);
void written_meter_add(struct written_meter *meter, int64_t bytes);
/* Nothing has waited so far, and something will from now on. */
void written_meter_begin_waiting(struct written_meter *meter);
int64_t written_meter_bytes(const struct written_meter *meter);
/* Since something came through, or began to wait. */
int64_t written_meter_idle_ns(const struct written_meter *meter);
