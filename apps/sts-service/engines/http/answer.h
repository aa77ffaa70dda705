/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: members of a provider's JSON, whatever it holds: NULL or the fallback for what is
 * absent or of another type. All borrowed from the JSON. */
#pragma once

#include <dubbing_json.h>

/* node may be NULL, as may object. */
const char *answer_node_string(JsonNode *node);
JsonObject *answer_node_object(JsonNode *node);
const char *answer_string(JsonObject *object, const char *name);
JsonObject *answer_object(JsonObject *object, const char *name);
JsonArray *answer_array(JsonObject *object, const char *name);
/* A finite number. */
double answer_number(JsonObject *object, const char *name, double fallback);
