/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages of lists: ?itemsPerPage=&page= and {itemCount, pageCount, items}. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

#define PAGE_DEFAULT_ITEMS 100

struct page {
    guint items; /* per page, at least 1 */
    guint index; /* from 0 */
};

/* query: names to values, NULL: none. False when a value is no number in range. */
bool page_parse(GHashTable *query, struct page *page);
/* item(element) makes the JSON of one element of the list; the page beyond the end is empty. */
JsonNode *page_to_json(const struct page *page, GPtrArray *list, JsonNode *(*item)(const void *element));
