/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hook_output.h"

#include <dubbing_clock.h>
#include <string.h>

/* "live/demo/in" -> "demo" (system.md section 2); NULL for another path. */
static char *stream_of(const char *path)
{
    static const char *const ends[] = {"/in", "/out"};
    if (!g_str_has_prefix(path, "live/"))
        return NULL;
    const char *id = path + strlen("live/");
    size_t length = strcspn(id, "/");
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        if (length > 0 && strcmp(id + length, ends[i]) == 0)
            return g_strndup(id, length);
    return NULL;
}

void hook_output_init(struct hook_output *output, const char *name, const char *path)
{
    *output = (struct hook_output){.label = g_strdup_printf("path %s: %s", path, name),
                                   .stream_id = stream_of(path),
                                   .allowance = HOOK_OUTPUT_BURST};
}

void hook_output_clear(struct hook_output *output)
{
    g_clear_pointer(&output->label, g_free);
    g_clear_pointer(&output->stream_id, g_free);
}

bool hook_output_admit(struct hook_output *output, int64_t now_ns)
{
    if (output->filled_ns != 0) {
        double passed_s = (double)(now_ns - output->filled_ns) / (double)DUB_NS_PER_S;
        output->allowance = MIN(output->allowance + passed_s * HOOK_OUTPUT_PER_SECOND, HOOK_OUTPUT_BURST);
    }
    output->filled_ns = now_ns;
    if (output->allowance < 1) {
        output->left_out++;
        return false;
    }
    output->allowance -= 1;
    return true;
}

void hook_output_say(const struct hook_output *output, enum dub_log_level level, const char *format, ...)
{
    struct dub_log_context context = {.stream_id = output->stream_id};
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    dub_log(level, &context, "%s%s", output->label, text);
}

void hook_output_flush(struct hook_output *output)
{
    if (output->left_out > 0)
        hook_output_say(output, DUB_LOG_WARN,
                        ": %" G_GUINT64_FORMAT " lines of its output were left out here", output->left_out);
    output->left_out = 0;
}

void hook_output_line(struct hook_output *output, const char *line, int64_t now_ns)
{
    if (!hook_output_admit(output, now_ns))
        return;
    hook_output_flush(output);
    hook_output_say(output, DUB_LOG_INFO, ": %s", line);
}
