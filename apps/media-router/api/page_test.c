/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "page.h"

static bool parse(const char *items, const char *index, struct page *page)
{
    g_autoptr(GHashTable) query = g_hash_table_new(g_str_hash, g_str_equal);
    if (items != NULL)
        g_hash_table_insert(query, (gpointer) "itemsPerPage", (gpointer)items);
    if (index != NULL)
        g_hash_table_insert(query, (gpointer) "page", (gpointer)index);
    return page_parse(query, page);
}

static JsonNode *item(const void *element)
{
    JsonNode *node = json_node_new(JSON_NODE_VALUE);
    json_node_set_int(node, *(const int *)element);
    return node;
}

/* "itemCount pageCount first..last" of one page of five. */
static char *page_of_five(guint items, guint index)
{
    int numbers[] = {1, 2, 3, 4, 5};
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        g_ptr_array_add(list, &numbers[i]);
    struct page page = {items, index};
    g_autoptr(JsonNode) node = page_to_json(&page, list, item);
    JsonObject *object = json_node_get_object(node);
    JsonArray *array = json_object_get_array_member(object, "items");
    guint length = json_array_get_length(array);
    return g_strdup_printf("%d %d %d..%d", (int)json_object_get_int_member(object, "itemCount"),
                           (int)json_object_get_int_member(object, "pageCount"),
                           length > 0 ? (int)json_array_get_int_element(array, 0) : 0,
                           length > 0 ? (int)json_array_get_int_element(array, length - 1) : 0);
}

static void assert_page(guint items, guint index, const char *expected)
{
    g_autofree char *text = page_of_five(items, index);
    g_assert_cmpstr(text, ==, expected);
}

static void test_pages(void)
{
    assert_page(100, 0, "5 1 1..5");
    assert_page(2, 0, "5 3 1..2");
    assert_page(2, 2, "5 3 5..5");
    assert_page(2, 3, "5 3 0..0");
    assert_page(5, 0, "5 1 1..5");
    assert_page(G_MAXINT32, G_MAXINT32, "5 1 0..0");
}

static void test_parse(void)
{
    struct page page;
    g_assert_true(page_parse(NULL, &page));
    g_assert_cmpuint(page.items, ==, PAGE_DEFAULT_ITEMS);
    g_assert_true(parse("7", "3", &page));
    g_assert_cmpuint(page.items, ==, 7);
    g_assert_cmpuint(page.index, ==, 3);
    g_assert_true(parse("", "", &page)); /* as MediaMTX: as if it were not there */
    g_assert_cmpuint(page.items, ==, PAGE_DEFAULT_ITEMS);
    static const char *const bad[] = {"0", "-1", "x", "1.5", "99999999999", " 1"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(parse(bad[i], NULL, &page));
    for (size_t i = 1; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(parse(NULL, bad[i], &page));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/page/pages", test_pages);
    g_test_add_func("/page/parse", test_parse);
    return g_test_run();
}
