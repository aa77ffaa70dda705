/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts a configuration value can be: durations, sizes, addresses. */
#include <dubbing_config.h>

#include <dubbing_clock.h>
#include <math.h>
#include <string.h>

struct unit {
    const char *suffix;
    int64_t factor;
};

/* A number without a sign and one of the units behind it, in the units' base. */
static bool parse_with_unit(const char *text, const struct unit *units, int64_t *value)
{
    if (text == NULL || strspn(text, "0123456789.") == 0 || *text == '.')
        return false;
    char *end = NULL;
    double number = g_ascii_strtod(text, &end);
    /* g_ascii_strtod also takes "0x1f" and "1e5", which nobody means here. */
    if ((size_t)(end - text) != strspn(text, "0123456789."))
        return false;
    for (const struct unit *unit = units; unit->suffix != NULL; unit++) {
        if (strcmp(end, unit->suffix) != 0)
            continue;
        double scaled = number * (double)unit->factor;
        if (scaled >= (double)INT64_MAX)
            return false;
        *value = (int64_t)llround(scaled);
        return true;
    }
    return false;
}

bool dub_parse_duration(const char *text, int64_t *duration_ns)
{
    static const struct unit units[] = {{"ms", DUB_NS_PER_MS},
                                        {"s", DUB_NS_PER_S},
                                        {"m", 60 * DUB_NS_PER_S},
                                        {"h", 3600 * DUB_NS_PER_S},
                                        {NULL, 0}};
    return parse_with_unit(text, units, duration_ns);
}

bool dub_parse_bytes(const char *text, int64_t *bytes)
{
    enum { K = 1024, M = K * K, G = M * K };
    static const struct unit units[] = {{"", 1},  {"B", 1},   {"k", K}, {"K", K}, {"KiB", K}, {"m", M},
                                        {"M", M}, {"MiB", M}, {"g", G}, {"G", G}, {"GiB", G}, {NULL, 0}};
    return parse_with_unit(text, units, bytes);
}

static bool parse_port(const char *text, uint16_t *port)
{
    guint64 value;
    if (!g_ascii_string_to_unsigned(text, 10, 0, UINT16_MAX, &value, NULL))
        return false;
    *port = (uint16_t)value;
    return true;
}

bool dub_parse_address(const char *text, char **host, uint16_t *port)
{
    const char *colon = text != NULL ? strrchr(text, ':') : NULL;
    if (colon == NULL || !parse_port(colon + 1, port))
        return false;
    size_t length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        *host = g_strndup(text + 1, length - 2);
        return true;
    }
    /* An IPv6 address needs its brackets, or its last group would be the port. */
    if (memchr(text, ':', length) != NULL || strcspn(text, " \t/[]@") < length)
        return false;
    *host = g_strndup(text, length);
    return true;
}
