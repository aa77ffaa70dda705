/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "written_meter.h"

#include <dubbing_clock.h>

static int64_t now_ns(void)
{
    return dub_clock_now_ns(dub_clock_monotonic());
}

static int64_t bytes_in(const GstPadProbeInfo *info)
{
    return info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST
               ? (int64_t)gst_buffer_list_calculate_size(GST_PAD_PROBE_INFO_BUFFER_LIST(info))
               : (int64_t)gst_buffer_get_size(GST_PAD_PROBE_INFO_BUFFER(info));
}

static GstPadProbeReturn on_written(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    written_meter_add(data, bytes_in(info));
    return GST_PAD_PROBE_OK;
}

void written_meter_watch(struct written_meter *meter, GstPad *pad)
{
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_written, meter,
                      NULL);
}

void written_meter_add(struct written_meter *meter, int64_t bytes)
{
    __atomic_add_fetch(&meter->bytes, bytes, __ATOMIC_RELAXED);
    written_meter_begin_waiting(meter);
}

void written_meter_begin_waiting(struct written_meter *meter)
{
    __atomic_store_n(&meter->since_ns, now_ns(), __ATOMIC_RELAXED);
}

int64_t written_meter_bytes(const struct written_meter *meter)
{
    return __atomic_load_n(&meter->bytes, __ATOMIC_RELAXED);
}

int64_t written_meter_idle_ns(const struct written_meter *meter)
{
    return now_ns() - __atomic_load_n(&meter->since_ns, __ATOMIC_RELAXED);
}
