/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "page.h"

static bool parse_number(GHashTable *query, const char *name, guint64 min, guint *value)
{
    const char *text = query != NULL ? g_hash_table_lookup(query, name) : NULL;
    guint64 number;
    if (text == NULL || *text == '\0')
        return true;
    if (!g_ascii_string_to_unsigned(text, 10, min, G_MAXINT32, &number, NULL))
        return false;
    *value = (guint)number;
    return true;
}

bool page_parse(GHashTable *query, struct page *page)
{
    *page = (struct page){.items = PAGE_DEFAULT_ITEMS};
    return parse_number(query, "itemsPerPage", 1, &page->items) &&
           parse_number(query, "page", 0, &page->index);
}

JsonNode *page_to_json(const struct page *page, GPtrArray *list, JsonNode *(*item)(const void *element))
{
    JsonObject *object = json_object_new();
    JsonArray *items = json_array_new();
    guint64 from = MIN((guint64)page->index * page->items, list->len);
    guint64 to = MIN(from + page->items, list->len);
    for (guint64 i = from; i < to; i++)
        json_array_add_element(items, item(list->pdata[i]));
    json_object_set_int_member(object, "itemCount", list->len);
    json_object_set_int_member(object, "pageCount", (list->len + page->items - 1) / page->items);
    json_object_set_array_member(object, "items", items);
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}
