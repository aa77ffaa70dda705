/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Language codes: what callers say ("es-MX"), what the contracts use ("es") and what Apertium's pairs are
 * called ("spa"). */
#include "engine.h"

#include <string.h>

#define MIN_CODE_CHARS 2
#define MAX_CODE_CHARS 35

/* ISO 639-3 (and 639-2/B) to ISO 639-1, for the languages that engines here are found for. */
static const struct {
    const char *three;
    const char *two;
} codes[] = {
    {"eng", "en"}, {"spa", "es"}, {"cat", "ca"}, {"fra", "fr"}, {"fre", "fr"}, {"por", "pt"}, {"ita", "it"},
    {"deu", "de"}, {"ger", "de"}, {"glg", "gl"}, {"eus", "eu"}, {"oci", "oc"}, {"arg", "an"}, {"ast", "ast"},
    {"ron", "ro"}, {"rum", "ro"}, {"nld", "nl"}, {"dut", "nl"}, {"afr", "af"}, {"swe", "sv"}, {"dan", "da"},
    {"nob", "nb"}, {"nno", "nn"}, {"isl", "is"}, {"epo", "eo"}, {"rus", "ru"}, {"ukr", "uk"}, {"bel", "be"},
    {"pol", "pl"}, {"ces", "cs"}, {"slv", "sl"}, {"hbs", "sh"}, {"hrv", "hr"}, {"srp", "sr"}, {"mkd", "mk"},
    {"bul", "bg"}, {"tur", "tr"}, {"kaz", "kk"}, {"tat", "tt"}, {"urd", "ur"}, {"hin", "hi"}, {"ara", "ar"},
    {"mlt", "mt"}, {"cym", "cy"}, {"bre", "br"}, {"srd", "sc"}, {"ell", "el"}, {"fin", "fi"}, {"hun", "hu"},
    {"zho", "zh"}, {"jpn", "ja"}, {"kor", "ko"}, {"ind", "id"}, {"msa", "ms"}, {"zlm", "ms"}, {"vie", "vi"},
};

static bool is_code(const char *code)
{
    size_t length = code ? strlen(code) : 0;
    if (length < MIN_CODE_CHARS || length > MAX_CODE_CHARS || !g_ascii_isalpha(code[0]))
        return false;
    for (const char *at = code; *at != '\0'; at++)
        if (!g_ascii_isalnum(*at) && *at != '-' && *at != '_')
            return false;
    return true;
}

char *engine_language_base(const char *code)
{
    if (!is_code(code))
        return NULL;
    g_autofree char *base = g_ascii_strdown(code, (gssize)strcspn(code, "-_"));
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
        if (strcmp(codes[i].three, base) == 0)
            return g_strdup(codes[i].two);
    return g_steal_pointer(&base);
}

bool engine_language_matches(const char *code, const char *base)
{
    g_autofree char *own = engine_language_base(code);
    return own && strcmp(own, base) == 0;
}
