/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at FLV tags only to name a video codec that GStreamer's flvdemux passes over in silence: HEVC, AV1
 * and VP9 of Enhanced RTMP (version 1, section "Enhancements to video"), and the old ones. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads whole tags in data, with or without the file's header before them. True when a video tag is there;
 * *codec is then NULL for H.264, otherwise the name of what was found (static, or in buffer). */
bool flv_probe_video(const uint8_t *data, size_t size, char buffer[32], const char **codec);
