/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "names.h"

struct name_case {
    const char *text;
    const char *expected;
};

static void check_all(const char *language, const struct name_case *cases, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        g_autofree char *restored = text_restore_names(cases[i].text, language);
        g_assert_cmpstr(restored, ==, cases[i].expected);
    }
}

static void test_months_in_dates(void)
{
    static const struct name_case cases[] = {
        {"the third of may", "the third of May"},
        {"in may it rains", "in May it rains"},
        {"last march it rained", "last March it rained"},
        {"since august", "since August"},
        {"on may fifth the president", "on May fifth the president"},
        {"the 21st of march 1999", "the 21st of March 1999"},
        {"march 2024 was dry", "March 2024 was dry"},
        {"from march to may", "from March to May"},
        {"between march and april", "between March and April"},
        {"in march and may", "in March and May"},
        {"it ends this may", "it ends this May"},
        {"it ends this may, he said", "it ends this May, he said"},
        {"on may the fourth", "on May the fourth"},
        {"the third may", "the third May"},
    };
    check_all("en", cases, G_N_ELEMENTS(cases));
}

static void test_verbs_are_no_months(void)
{
    static const struct name_case cases[] = {
        {"he may go", "he may go"},
        {"they march through the city", "they march through the city"},
        {"they march first", "they march first"},
        {"this may be true", "this may be true"},
        {"the third may be the last", "the third may be the last"},
        {"may the best man win", "may the best man win"},
        {"may the fourth be with you", "may the fourth be with you"},
        {"the march on the capital", "the march on the capital"},
        {"come in. may i sit", "come in. may i sit"},
        {"the last may have left", "the last may have left"},
    };
    check_all("en", cases, G_N_ELEMENTS(cases));
}

static void test_english_names(void)
{
    static const struct name_case cases[] = {
        {"on monday's show", "on Monday's show"},
        {"on mondays in new york", "on Mondays in New York"},
        {"the americans and the french", "the Americans and the French"},
        {"the president of the united states", "the president of the United States"},
        {"the nato and fifa summit", "the NATO and FIFA summit"},
        {"the white house said", "the White House said"},
        {"he lives in a white house", "he lives in a white house"},
        {"states united by war", "states united by war"},
        {"they are united. states fail", "they are united. states fail"},
        {"mister jones and missus green", "mister Jones and missus Green"},
        {"the gulf of mexico, yes", "the Gulf of Mexico, yes"},
        {"", ""},
    };
    check_all("en-GB", cases, G_N_ELEMENTS(cases));
}

static void test_doubtful_names_need_evidence(void)
{
    static const struct name_case cases[] = {
        {"the turkey is in the oven", "the turkey is in the oven"},
        {"an earthquake in turkey", "an earthquake in Turkey"},
        {"china and japan signed", "China and Japan signed"},
        {"cups of china", "cups of china"},
        {"the polish government", "the Polish government"},
        {"they polish the floor", "they polish the floor"},
        {"will mark pay the bill", "will mark pay the bill"},
        {"a guinea pig from guinea", "a guinea pig from Guinea"},
        {"an arsenal of weapons", "an arsenal of weapons"},
        {"arsenal won", "Arsenal won"},
    };
    check_all("en", cases, G_N_ELEMENTS(cases));
}

static void test_spanish_names(void)
{
    static const struct name_case cases[] = {
        {"el lunes en nueva york", "el lunes en Nueva York"},
        {"los estados unidos y méxico", "los Estados Unidos y México"},
        {"viven en los ángeles", "viven en Los Ángeles"},
        {"los ángeles del cielo", "los ángeles del cielo"},
        {"la selección argentina", "la selección argentina"},
        {"argentina ganó en china", "Argentina ganó en China"},
        {"la empresa china", "la empresa china"},
        {"la otan y la onu", "la OTAN y la ONU"},
        {"el tres de mayo", "el tres de mayo"},
    };
    check_all("es-MX", cases, G_N_ELEMENTS(cases));
}

static void test_other_text_is_left(void)
{
    static const struct name_case cases[] = {{"monday in new york", "monday in new york"}};
    static const struct name_case written[] = {{"NEW york and iPhone", "NEW York and iPhone"}};
    static const struct name_case broken[] = {{"in new york \xff\xc3", "in new york \xff\xc3"}};
    check_all("en", broken, 1);
    check_all("de", cases, 1);
    check_all(NULL, cases, 1);
    check_all("en", written, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/names/months-in-dates", test_months_in_dates);
    g_test_add_func("/names/verbs-are-no-months", test_verbs_are_no_months);
    g_test_add_func("/names/english-names", test_english_names);
    g_test_add_func("/names/doubtful-names-need-evidence", test_doubtful_names_need_evidence);
    g_test_add_func("/names/spanish-names", test_spanish_names);
    g_test_add_func("/names/other-text-is-left", test_other_text_is_left);
    return g_test_run();
}
