/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds for every contract: it comes back as it went, it asks for what is required and for nothing else,
 * and no value of a wrong type or size gets through or breaks it. */
#include "contract_table.h"

#include <string.h>

static JsonNode *parse(const char *text)
{
    struct dub_error error = {0};
    JsonNode *node = dub_json_parse(text, strlen(text), &error);
    g_assert_cmpstr(error.message, ==, "");
    return node;
}

/* A copy that may be changed. */
static JsonNode *sample_of(const struct contract *contract)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_assert_true(json_parser_load_from_data(parser, contract->sample, -1, NULL));
    return json_parser_steal_root(parser);
}

static const char *leaf_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* The object that holds the last part of path; a part that is a number is an index into a list. */
static JsonObject *holder_of(JsonNode *root, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, ".", -1);
    JsonNode *node = root;
    for (guint i = 0; parts[i + 1]; i++) {
        if (JSON_NODE_HOLDS_ARRAY(node))
            node = json_array_get_element(json_node_get_array(node),
                                          (guint)g_ascii_strtoull(parts[i], NULL, 10));
        else
            node = json_object_get_member(json_node_get_object(node), parts[i]);
    }
    return json_node_get_object(node);
}

static void collect_paths(JsonNode *node, const char *prefix, GPtrArray *paths)
{
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            g_autofree char *inner = g_strdup_printf("%s%u.", prefix, i);
            collect_paths(json_array_get_element(array, i), inner, paths);
        }
    }
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return;
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;
    json_object_iter_init(&iter, json_node_get_object(node));
    while (json_object_iter_next(&iter, &name, &member)) {
        g_ptr_array_add(paths, g_strconcat(prefix, name, NULL));
        g_autofree char *inner = g_strconcat(prefix, name, ".", NULL);
        collect_paths(member, inner, paths);
    }
}

static GPtrArray *paths_of(const struct contract *contract)
{
    g_autoptr(JsonNode) node = sample_of(contract);
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    collect_paths(node, "", paths);
    return paths;
}

static void test_round_trip(gconstpointer data)
{
    const struct contract *contract = data;
    g_autoptr(JsonNode) sample = parse(contract->sample);
    struct dub_error error = {0};
    g_autoptr(JsonNode) written = contract->rewrite(sample, &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_nonnull(written);
    g_autofree char *text = dub_json_to_string(written);
    g_autofree char *expected = dub_json_to_string(sample);
    g_assert_cmpstr(text, ==, expected);
}

static void test_required(gconstpointer data)
{
    const struct contract *contract = data;
    g_autoptr(GPtrArray) paths = paths_of(contract);
    for (guint i = 0; i < paths->len; i++) {
        const char *path = paths->pdata[i];
        g_autoptr(JsonNode) node = sample_of(contract);
        json_object_remove_member(holder_of(node, path), leaf_of(path));
        struct dub_error error = {0};
        g_autoptr(JsonNode) written = contract->rewrite(node, &error);
        bool required = g_strv_contains(contract->required, path);
        g_test_message("%s %s: %s", contract->name, path, error.message);
        g_assert_cmpint(written == NULL, ==, required);
        if (required)
            g_assert_nonnull(strstr(error.message, leaf_of(path)));
    }
}

static void check_value(const struct contract *contract, const char *path, JsonNode *take_value)
{
    g_autoptr(JsonNode) node = sample_of(contract);
    json_object_set_member(holder_of(node, path), leaf_of(path), take_value);
    struct dub_error error = {0};
    g_autoptr(JsonNode) written = contract->rewrite(node, &error);
    if (!written) {
        g_assert_cmpint(error.code, !=, DUB_ERROR_NONE);
        g_assert_cmpstr(error.message, !=, "");
        return;
    }
    /* What was accepted can be read again. */
    g_autoptr(JsonNode) again = contract->rewrite(written, &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_nonnull(again);
}

static JsonNode *huge_string(void)
{
    g_autofree char *text = g_strnfill(70000, 'A');
    return json_node_init_string(json_node_alloc(), text);
}

static void test_any_value(gconstpointer data)
{
    static const char *const values[] = {
        "null",
        "true",
        "-1",
        "0",
        "1.5",
        "1e300",
        "\"\"",
        "\"x\"",
        "[]",
        "{}",
        "[[]]",
        "9223372036854775807",
        "[1,2]",
        "{\"a\":1}",
        "\"\\u00e9\"",
        "\"00000000-0000-0000-0000-00000000000\"",
        "-9223372036854775808",
    };
    const struct contract *contract = data;
    g_autoptr(GPtrArray) paths = paths_of(contract);
    for (guint i = 0; i < paths->len; i++) {
        for (guint v = 0; v < G_N_ELEMENTS(values); v++)
            check_value(contract, paths->pdata[i], parse(values[v]));
        check_value(contract, paths->pdata[i], huge_string());
        check_value(contract, paths->pdata[i], json_node_init_string(json_node_alloc(), "\xff\xfe broken"));
    }
}

/* What we write but do not read, and what is a list. */
static bool may_be_list(const struct contract *contract, const char *path)
{
    static const char *const lists[] = {"domain_hints", "keep", "rules", "counts", NULL};
    if (g_str_equal(contract->name, "error") && g_str_equal(path, "metadata"))
        return true;
    return g_str_has_prefix(path, "statistics") || g_strv_contains(lists, leaf_of(path));
}

static void test_wrong_type_is_named(gconstpointer data)
{
    const struct contract *contract = data;
    g_autoptr(GPtrArray) paths = paths_of(contract);
    for (guint i = 0; i < paths->len; i++) {
        const char *path = paths->pdata[i];
        if (may_be_list(contract, path))
            continue;
        g_autoptr(JsonNode) node = sample_of(contract);
        json_object_set_array_member(holder_of(node, path), leaf_of(path), json_array_new());
        struct dub_error error = {0};
        g_autoptr(JsonNode) written = contract->rewrite(node, &error);
        g_test_message("%s %s: %s", contract->name, path, error.message);
        g_assert_null(written);
        g_assert_nonnull(strstr(error.message, leaf_of(path)));
    }
}

static void test_not_an_object(gconstpointer data)
{
    static const char *const values[] = {"null", "[]", "1", "\"x\"", "true"};
    const struct contract *contract = data;
    for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autoptr(JsonNode) node = parse(values[i]);
        struct dub_error error = {0};
        g_assert_null(contract->rewrite(node, &error));
        g_assert_nonnull(strstr(error.message, "must be a JSON object"));
    }
}

static void test_unknown_members_are_ignored(gconstpointer data)
{
    const struct contract *contract = data;
    g_autoptr(JsonNode) node = sample_of(contract);
    json_object_set_string_member(json_node_get_object(node), "of_a_newer_release", "x");
    struct dub_error error = {0};
    g_autoptr(JsonNode) written = contract->rewrite(node, &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_false(json_object_has_member(json_node_get_object(written), "of_a_newer_release"));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        GTestDataFunc function;
    } tests[] = {
        {"round-trip", test_round_trip},
        {"asks-for-what-is-required-and-nothing-else", test_required},
        {"any-value-anywhere-is-read-or-refused", test_any_value},
        {"wrong-type-is-named", test_wrong_type_is_named},
        {"not-an-object-is-refused", test_not_an_object},
        {"unknown-members-are-ignored", test_unknown_members_are_ignored},
    };
    g_test_init(&argc, &argv, NULL);
    for (const struct contract *contract = contract_table; contract->name; contract++) {
        for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/contracts/%s/%s", contract->name, tests[i].name);
            g_test_add_data_func(path, contract, tests[i].function);
        }
    }
    return g_test_run();
}
