/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth_yaml.h"

#include <string.h>

struct reading {
    yaml_document_t *document;
    GPtrArray *users;
    GPtrArray *warnings;
    struct dub_error *error;
    guint index; /* of the entry, for messages */
};

/* The values of one mapping by name; a value that is not there stays NULL. */
struct field {
    const char *name;
    const yaml_node_t *value;
};

const char *yaml_node_text(const yaml_node_t *node)
{
    if (node == NULL || node->type != YAML_SCALAR_NODE)
        return NULL;
    const char *text = (const char *)node->data.scalar.value;
    if (strlen(text) != node->data.scalar.length)
        return NULL;
    bool is_plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return is_plain && (strcmp(text, "~") == 0 || strcmp(text, "null") == 0) ? "" : text;
}

static bool fail(const struct reading *reading, const char *problem)
{
    return dub_error_set(reading->error, DUB_ERROR_INVALID_CONFIG, "authInternalUsers, entry %u: %s",
                         reading->index + 1, problem);
}

static bool read_fields(const struct reading *reading, const yaml_node_t *node, struct field *fields,
                        size_t count)
{
    if (node == NULL || node->type != YAML_MAPPING_NODE)
        return fail(reading, "it must hold keys and values");
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++) {
        const char *name = yaml_node_text(yaml_document_get_node(reading->document, pair->key));
        bool found = false;
        if (name == NULL)
            return fail(reading, "a key that is no text");
        for (size_t i = 0; i < count; i++) {
            if (strcmp(fields[i].name, name) != 0)
                continue;
            fields[i].value = yaml_document_get_node(reading->document, pair->value);
            found = true;
        }
        if (!found)
            g_ptr_array_add(
                reading->warnings,
                g_strdup_printf("authInternalUsers: %s is not known to media-router: ignored", name));
    }
    return true;
}

/* Calls take for each element of a list; nothing at all is an empty list. */
static bool for_each(const struct reading *reading, const yaml_node_t *list, const char *problem,
                     bool (*take)(const struct reading *reading, const yaml_node_t *node,
                                  struct auth_user *user),
                     struct auth_user *user)
{
    const char *text = yaml_node_text(list);
    if (list == NULL || (text != NULL && *text == '\0'))
        return true;
    if (list->type != YAML_SEQUENCE_NODE)
        return fail(reading, problem);
    for (const yaml_node_item_t *item = list->data.sequence.items.start; item < list->data.sequence.items.top;
         item++)
        if (!take(reading, yaml_document_get_node(reading->document, *item), user))
            return false;
    return true;
}

/* What auth.c says about a value, with the place in the file before it. */
static bool passed(const struct reading *reading, bool fine, const struct dub_error *problem)
{
    return fine || fail(reading, problem->message);
}

static bool take_ip(const struct reading *reading, const yaml_node_t *node, struct auth_user *user)
{
    struct dub_error problem = {0};
    const char *text = yaml_node_text(node);
    if (text == NULL)
        return fail(reading, "ips must be a list of addresses");
    return passed(reading, auth_user_add_ip(user, text, &problem), &problem);
}

static bool take_permission(const struct reading *reading, const yaml_node_t *node, struct auth_user *user)
{
    enum { ACTION, PATH, COUNT };
    struct field fields[COUNT] = {[ACTION] = {"action", NULL}, [PATH] = {"path", NULL}};
    struct dub_error problem = {0};
    if (!read_fields(reading, node, fields, COUNT))
        return false;
    const char *action = yaml_node_text(fields[ACTION].value);
    const char *path = yaml_node_text(fields[PATH].value);
    if (action == NULL)
        return fail(reading, "a permission without an action");
    if (fields[PATH].value != NULL && path == NULL)
        return fail(reading, "path must be a single value");
    return passed(reading, auth_user_permit(user, action, path, &problem), &problem);
}

static bool read_user(const struct reading *reading, const yaml_node_t *node)
{
    enum { USER, PASS, IPS, PERMISSIONS, COUNT };
    struct field fields[COUNT] = {[USER] = {"user", NULL},
                                  [PASS] = {"pass", NULL},
                                  [IPS] = {"ips", NULL},
                                  [PERMISSIONS] = {"permissions", NULL}};
    struct dub_error problem = {0};
    if (!read_fields(reading, node, fields, COUNT))
        return false;
    const char *name = yaml_node_text(fields[USER].value);
    const char *pass = yaml_node_text(fields[PASS].value);
    if (fields[PASS].value != NULL && pass == NULL)
        return fail(reading, "pass must be a single value");
    struct auth_user *user =
        auth_users_add(reading->users, name != NULL ? name : "", pass != NULL ? pass : "", &problem);
    return passed(reading, user != NULL, &problem) &&
           for_each(reading, fields[IPS].value, "ips must be a list of addresses", take_ip, user) &&
           for_each(reading, fields[PERMISSIONS].value, "permissions must be a list of action and path",
                    take_permission, user);
}

bool auth_yaml_read(yaml_document_t *document, const yaml_node_t *list, GPtrArray *users, GPtrArray *warnings,
                    struct dub_error *error)
{
    struct reading reading = {document, users, warnings, error, 0};
    if (list == NULL || list->type != YAML_SEQUENCE_NODE)
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "authInternalUsers must be a list of users");
    g_ptr_array_set_size(users, 0);
    for (const yaml_node_item_t *item = list->data.sequence.items.start; item < list->data.sequence.items.top;
         item++, reading.index++)
        if (!read_user(&reading, yaml_document_get_node(document, *item)))
            return false;
    return true;
}
