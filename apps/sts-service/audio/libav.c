/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "libav.h"

#include <dubbing_log.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>

/* What a library says about a peer's file belongs to the fragment's error; the words are for us. */
static void log_line(void *object, int level, const char *format, va_list arguments)
{
    char line[512];
    int at_line_start = 1;
    if (level > AV_LOG_WARNING)
        return;
    av_log_format_line2(object, level, format, arguments, line, sizeof line, &at_line_start);
    dub_log_debug("%s", g_strchomp(line));
}

void libav_start(void)
{
    static gsize started;
    if (!g_once_init_enter(&started))
        return;
    av_log_set_callback(log_line);
    av_max_alloc(LIBAV_MAX_ALLOC_BYTES);
    g_once_init_leave(&started, 1);
}

static bool set(struct dub_error *error, enum dub_error_code code, const char *doing, int av_code)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(av_code, text, sizeof text);
    return dub_error_set(error, code, "M4A: %s: %s", doing, text);
}

bool libav_invalid(struct dub_error *error, const char *doing, int code)
{
    return set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, doing, code);
}

bool libav_broken(struct dub_error *error, const char *doing, int code)
{
    return set(error, DUB_ERROR_INTERNAL, doing, code);
}
