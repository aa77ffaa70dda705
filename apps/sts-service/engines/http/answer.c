/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer.h"

#include <math.h>

const char *answer_node_string(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : NULL;
}

JsonObject *answer_node_object(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonNode *member(JsonObject *object, const char *name)
{
    return object ? json_object_get_member(object, name) : NULL;
}

const char *answer_string(JsonObject *object, const char *name)
{
    return answer_node_string(member(object, name));
}

JsonObject *answer_object(JsonObject *object, const char *name)
{
    return answer_node_object(member(object, name));
}

JsonArray *answer_array(JsonObject *object, const char *name)
{
    JsonNode *node = member(object, name);
    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

double answer_number(JsonObject *object, const char *name, double fallback)
{
    JsonNode *node = member(object, name);
    GType type = node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_INVALID;
    double value = type == G_TYPE_INT64 || type == G_TYPE_DOUBLE ? json_node_get_double(node) : fallback;
    return isfinite(value) ? value : fallback;
}
