/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entry point of libgstdub.so; programs that link the library statically use dub_gst_register() instead.
 */
#include "stsdub.h"

#define PACKAGE "live-dubbing"

static gboolean plugin_init(GstPlugin *plugin)
{
    return gst_element_register(plugin, "stsdub", GST_RANK_NONE, STS_TYPE_DUB);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, dub, "Live dubbing of speech", plugin_init,
                  DUB_VERSION, "GPL", PACKAGE, "live-dubbing")
