/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "language_names.h"

#include "../engine.h"
#include <string.h>

struct name {
    const char *code, *name;
};

/* ISO 639, names as the cards of translation models write them. */
static const struct name languages[] = {
    {"af", "Afrikaans"},   {"am", "Amharic"},    {"ar", "Arabic"},     {"ast", "Asturian"},
    {"az", "Azerbaijani"}, {"be", "Belarusian"}, {"bg", "Bulgarian"},  {"bn", "Bengali"},
    {"bs", "Bosnian"},     {"ca", "Catalan"},    {"cs", "Czech"},      {"cy", "Welsh"},
    {"da", "Danish"},      {"de", "German"},     {"el", "Greek"},      {"en", "English"},
    {"es", "Spanish"},     {"et", "Estonian"},   {"eu", "Basque"},     {"fa", "Persian"},
    {"fi", "Finnish"},     {"fil", "Filipino"},  {"fr", "French"},     {"ga", "Irish"},
    {"gl", "Galician"},    {"gu", "Gujarati"},   {"ha", "Hausa"},      {"he", "Hebrew"},
    {"hi", "Hindi"},       {"hr", "Croatian"},   {"hu", "Hungarian"},  {"hy", "Armenian"},
    {"id", "Indonesian"},  {"is", "Icelandic"},  {"it", "Italian"},    {"ja", "Japanese"},
    {"ka", "Georgian"},    {"kk", "Kazakh"},     {"km", "Khmer"},      {"kn", "Kannada"},
    {"ko", "Korean"},      {"lo", "Lao"},        {"lt", "Lithuanian"}, {"lv", "Latvian"},
    {"mk", "Macedonian"},  {"ml", "Malayalam"},  {"mn", "Mongolian"},  {"mr", "Marathi"},
    {"ms", "Malay"},       {"mt", "Maltese"},    {"my", "Burmese"},    {"nb", "Norwegian"},
    {"ne", "Nepali"},      {"nl", "Dutch"},      {"nn", "Norwegian"},  {"no", "Norwegian"},
    {"oc", "Occitan"},     {"pa", "Punjabi"},    {"pl", "Polish"},     {"ps", "Pashto"},
    {"pt", "Portuguese"},  {"ro", "Romanian"},   {"ru", "Russian"},    {"sh", "Serbo-Croatian"},
    {"si", "Sinhala"},     {"sk", "Slovak"},     {"sl", "Slovenian"},  {"so", "Somali"},
    {"sq", "Albanian"},    {"sr", "Serbian"},    {"sv", "Swedish"},    {"sw", "Swahili"},
    {"ta", "Tamil"},       {"te", "Telugu"},     {"th", "Thai"},       {"tl", "Tagalog"},
    {"tr", "Turkish"},     {"uk", "Ukrainian"},  {"ur", "Urdu"},       {"uz", "Uzbek"},
    {"vi", "Vietnamese"},  {"yo", "Yoruba"},     {"zh", "Chinese"},    {"zu", "Zulu"},
};

/* Those in which what is written differs enough for a model to be told. */
static const struct name variants[] = {
    {"en-gb", "English (United Kingdom)"}, {"en-us", "English (United States)"},
    {"es-es", "Spanish (Spain)"},          {"es-mx", "Spanish (Mexico)"},
    {"es-ar", "Spanish (Argentina)"},      {"es-419", "Spanish (Latin America)"},
    {"fr-ca", "French (Canada)"},          {"fr-fr", "French (France)"},
    {"pt-br", "Portuguese (Brazil)"},      {"pt-pt", "Portuguese (Portugal)"},
    {"zh-cn", "Simplified Chinese"},       {"zh-hans", "Simplified Chinese"},
    {"zh-tw", "Traditional Chinese"},      {"zh-hk", "Traditional Chinese"},
    {"zh-hant", "Traditional Chinese"},
};

static const char *find(const struct name *names, gsize count, const char *code)
{
    for (gsize i = 0; i < count; i++)
        if (strcmp(names[i].code, code) == 0)
            return names[i].name;
    return NULL;
}

char *language_base_name(const char *code)
{
    g_autofree char *base = engine_language_base(code);
    const char *name = base ? find(languages, G_N_ELEMENTS(languages), base) : NULL;
    return g_strdup(name ? name : code);
}

char *language_name(const char *code)
{
    g_autofree char *small = g_strdelimit(g_ascii_strdown(code, -1), "_", '-');
    const char *name = find(variants, G_N_ELEMENTS(variants), small);
    return name ? g_strdup(name) : language_base_name(code);
}
