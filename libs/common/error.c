/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables behind dubbing_error.h and the filling of struct dub_error. */
#include <dubbing_error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool retryable;
} codes[] = {
#define X(name, wire, may_retry) [DUB_ERROR_##name] = {(wire), (may_retry)},
    DUB_ERROR_CODES(X)
#undef X
};

static const char *const stages[] = {
#define X(name, wire) [DUB_STAGE_##name] = (wire),
    DUB_STAGES(X)
#undef X
};

/* A message cut in the middle of a character would not be UTF-8 any more, and what comes from peers may never
 * have been; both would spoil the JSON line it ends up in. */
static void make_one_valid_line(char *message, size_t size)
{
    const char *end = NULL;
    while (!g_utf8_validate(message, -1, &end)) {
        size_t at = (size_t)(end - message);
        if (size - strlen(message) == 1 && strlen(end) < 4)
            message[at] = '\0';
        else
            message[at] = '?';
    }
    for (char *c = message; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
}

static G_GNUC_PRINTF(4, 0) void fill(struct dub_error *error, enum dub_error_code code, enum dub_stage stage,
                                     const char *format, va_list args)
{
    error->code = code;
    error->stage = stage;
    error->retryable = dub_error_code_retryable(code);
    vsnprintf(error->message, sizeof(error->message), format, args);
    make_one_valid_line(error->message, sizeof(error->message));
}

bool dub_error_set(struct dub_error *error, enum dub_error_code code, const char *format, ...)
{
    if (error == NULL)
        return false;
    va_list args;
    va_start(args, format);
    fill(error, code, DUB_STAGE_NONE, format, args);
    va_end(args);
    return false;
}

bool dub_error_set_stage(struct dub_error *error, enum dub_error_code code, enum dub_stage stage,
                         const char *format, ...)
{
    if (error == NULL)
        return false;
    va_list args;
    va_start(args, format);
    fill(error, code, stage, format, args);
    va_end(args);
    return false;
}

bool dub_error_take_gerror(struct dub_error *error, enum dub_error_code code, const char *prefix,
                           GError **gerror)
{
    const char *message = *gerror != NULL ? (*gerror)->message : "unknown error";
    dub_error_set(error, code, "%s: %s", prefix, message);
    g_clear_error(gerror);
    return false;
}

bool dub_error_set_errno(struct dub_error *error, enum dub_error_code code, int errnum, const char *format,
                         ...)
{
    if (error == NULL)
        return false;
    va_list args;
    va_start(args, format);
    g_autofree char *prefix = g_strdup_vprintf(format, args);
    va_end(args);
    return dub_error_set(error, code, "%s: %s", prefix, g_strerror(errnum));
}

const char *dub_error_code_name(enum dub_error_code code)
{
    return (unsigned)code < DUB_ERROR_CODE_COUNT ? codes[code].name : "";
}

bool dub_error_code_retryable(enum dub_error_code code)
{
    return (unsigned)code < DUB_ERROR_CODE_COUNT && codes[code].retryable;
}

enum dub_error_code dub_error_code_from_name(const char *name)
{
    for (unsigned i = 0; i < DUB_ERROR_CODE_COUNT; i++)
        if (g_strcmp0(codes[i].name, name) == 0)
            return (enum dub_error_code)i;
    return DUB_ERROR_CODE_COUNT;
}

const char *dub_stage_name(enum dub_stage stage)
{
    return (unsigned)stage < DUB_STAGE_COUNT ? stages[stage] : "";
}

enum dub_stage dub_stage_from_name(const char *name)
{
    for (unsigned i = 0; i < DUB_STAGE_COUNT; i++)
        if (g_strcmp0(stages[i], name) == 0)
            return (enum dub_stage)i;
    return DUB_STAGE_COUNT;
}
