/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "problems.h"

#include <dubbing_log.h>

#define MAX_PROBLEMS 50

void problems_add(GPtrArray *problems, const char *format, ...)
{
    va_list arguments;
    if (problems->len >= MAX_PROBLEMS)
        return;
    va_start(arguments, format);
    g_ptr_array_add(problems, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

bool problems_report(const GPtrArray *problems, const char *what, struct dub_error *error)
{
    g_autoptr(GString) all = g_string_new(NULL);
    for (guint i = 0; i < problems->len; i++)
        g_string_append_printf(all, "%s%s", i > 0 ? "; " : "", (const char *)problems->pdata[i]);
    if (problems->len == 1)
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "%s: %s", what, all->str);
    return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "%s: %u problems: %s", what, problems->len,
                         all->str);
}

void problems_log(const GPtrArray *problems, const char *what)
{
    for (guint i = 0; problems->len > 1 && i < problems->len; i++)
        dub_log_error("%s: %s", what, (const char *)problems->pdata[i]);
}
