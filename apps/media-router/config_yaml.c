/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_yaml.h"

#include "config_keys.h"
#include "path_name.h"

#include <string.h>
#include <yaml.h>

#define ENV_PREFIX "MTX_"
#define ENV_DEFAULTS "PATHDEFAULTS_"
#define ENV_PATHS "PATHS_"

/* What reading carries around. */
struct loader {
    struct router_config *config;
    yaml_document_t document;
    bool has_document;
    const char *const *environment;
    GPtrArray *warnings;
    struct dub_error *error;
};

typedef bool (*pair_handler)(struct loader *loader, const char *name, yaml_node_t *value, void *user);

static bool fail(struct loader *loader, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool fail(struct loader *loader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return dub_error_set(loader->error, DUB_ERROR_INVALID_CONFIG, "%s", text);
}

static bool warn_unknown(struct loader *loader, const char *where, const char *name)
{
    g_ptr_array_add(loader->warnings,
                    g_strdup_printf("%s%s is not known to media-router: ignored", where, name));
    return true;
}

/* The text of a scalar; NULL for anything else. "~" and "null" are how YAML spells nothing. */
static const char *scalar(const yaml_node_t *node)
{
    if (node == NULL || node->type != YAML_SCALAR_NODE)
        return NULL;
    const char *text = (const char *)node->data.scalar.value;
    if (strlen(text) != node->data.scalar.length)
        return NULL;
    bool is_plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return is_plain && (strcmp(text, "~") == 0 || strcmp(text, "null") == 0) ? "" : text;
}

static bool is_empty(const yaml_node_t *node)
{
    const char *text = scalar(node);
    return text != NULL && *text == '\0';
}

static bool for_each_pair(struct loader *loader, const char *where, yaml_node_t *node, pair_handler handle,
                          void *user)
{
    if (is_empty(node))
        return true;
    if (node->type != YAML_MAPPING_NODE)
        return fail(loader, "%s must hold keys and values", where);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++) {
        const char *name = scalar(yaml_document_get_node(&loader->document, pair->key));
        if (name == NULL)
            return fail(loader, "%s: a key that is no text", where);
        if (!handle(loader, name, yaml_document_get_node(&loader->document, pair->value), user))
            return false;
    }
    return true;
}

static yaml_node_t *find_member(struct loader *loader, yaml_node_t *map, const char *name)
{
    if (map == NULL || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++)
        if (g_strcmp0(scalar(yaml_document_get_node(&loader->document, pair->key)), name) == 0)
            return yaml_document_get_node(&loader->document, pair->value);
    return NULL;
}

static bool set_scalar(struct loader *loader, const struct config_key *key, void *target, const char *where,
                       const char *name, const yaml_node_t *value)
{
    const char *text = scalar(value);
    if (text == NULL)
        return fail(loader, "%s%s must be a single value", where, name);
    return config_key_set(key, target, where, text, loader->error);
}

/* -- paths -- */

struct path_target {
    struct path_config *path;
    const char *where; /* "paths.demo." */
};

static bool on_path_key(struct loader *loader, const char *name, yaml_node_t *value, void *user)
{
    const struct path_target *target = user;
    const struct config_key *key = config_key_find_path(name);
    if (key == NULL)
        return warn_unknown(loader, target->where, name);
    return set_scalar(loader, key, target->path, target->where, name, value);
}

static bool compile_regex(struct loader *loader, struct path_config *path)
{
    g_autoptr(GError) gerror = NULL;
    path->regex = g_regex_new(path->name + 1, G_REGEX_OPTIMIZE, 0, &gerror);
    if (path->regex == NULL)
        return fail(loader, "paths: %s is no regular expression: %s", path->name, gerror->message);
    return true;
}

/* "all" is what MediaMTX called all_others before. */
static struct path_config *add_path(struct loader *loader, const char *name)
{
    bool is_rest = strcmp(name, "all") == 0 || strcmp(name, ROUTER_ALL_OTHERS) == 0;
    if (!is_rest && *name != '~' && !path_name_is_valid(name)) {
        fail(loader,
             "paths: \"%.100s\" is no path: use letters, digits, '_', '-', '.', '/', or ~regex, or %s", name,
             ROUTER_ALL_OTHERS);
        return NULL;
    }
    struct path_config *path = router_config_add_path(loader->config, is_rest ? ROUTER_ALL_OTHERS : name);
    return *name != '~' || compile_regex(loader, path) ? path : NULL;
}

static bool on_path(struct loader *loader, const char *name, yaml_node_t *value, void *user)
{
    g_autofree char *where = g_strdup_printf("paths.%s.", name);
    struct path_target target = {add_path(loader, name), where};
    return target.path != NULL && for_each_pair(loader, where, value, on_path_key, &target);
}

/* -- authentication -- */

static bool permits_any_path(struct loader *loader, yaml_node_t *permissions, const char *action)
{
    if (permissions == NULL || permissions->type != YAML_SEQUENCE_NODE)
        return false;
    for (yaml_node_item_t *item = permissions->data.sequence.items.start;
         item < permissions->data.sequence.items.top; item++) {
        yaml_node_t *permission = yaml_document_get_node(&loader->document, *item);
        yaml_node_t *path = find_member(loader, permission, "path");
        if (g_strcmp0(scalar(find_member(loader, permission, "action")), action) == 0 &&
            (path == NULL || is_empty(path)))
            return true;
    }
    return false;
}

static bool is_unlimited(const yaml_node_t *ips)
{
    return ips == NULL || is_empty(ips) ||
           (ips->type == YAML_SEQUENCE_NODE &&
            ips->data.sequence.items.start == ips->data.sequence.items.top);
}

/* An entry that lets everybody publish and read everything: MediaMTX's default. */
static bool is_open(struct loader *loader, yaml_node_t *entry)
{
    yaml_node_t *pass = find_member(loader, entry, "pass");
    yaml_node_t *permissions = find_member(loader, entry, "permissions");
    return g_strcmp0(scalar(find_member(loader, entry, "user")), "any") == 0 &&
           (pass == NULL || is_empty(pass)) && is_unlimited(find_member(loader, entry, "ips")) &&
           permits_any_path(loader, permissions, "publish") && permits_any_path(loader, permissions, "read");
}

/* Who asks for authentication must not get an open router: only the open default is taken. */
static bool check_users(struct loader *loader, const yaml_node_t *users)
{
    if (users->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *item = users->data.sequence.items.start; item < users->data.sequence.items.top;
             item++)
            if (is_open(loader, yaml_document_get_node(&loader->document, *item)))
                return true;
    return fail(loader, "authInternalUsers restricts who may publish or read, and this router does not check "
                        "credentials: allow user \"any\", or use MediaMTX");
}

static bool check_method(struct loader *loader, const yaml_node_t *method)
{
    return g_strcmp0(scalar(method), "internal") == 0 ||
           fail(loader, "authMethod must be \"internal\": this router asks nobody else");
}

/* -- the file -- */

static bool on_global(struct loader *loader, const char *name, yaml_node_t *value, void *user)
{
    static const char *const elsewhere[] = {"pathDefaults", "paths", NULL};
    const struct config_key *key = config_key_find_global(name);
    if (g_strv_contains(elsewhere, name))
        return true;
    if (strcmp(name, "authInternalUsers") == 0)
        return check_users(loader, value);
    if (strcmp(name, "authMethod") == 0)
        return check_method(loader, value);
    if (key == NULL)
        return warn_unknown(loader, "", name);
    return set_scalar(loader, key, loader->config, "", name, value);
}

/* "MTX_RTMPADDRESS=..." -> "RTMPADDRESS", with the value; NULL for another variable. The caller owns it. */
static char *env_name(const char *variable, const char **value)
{
    const char *equals = strchr(variable, '=');
    if (!g_str_has_prefix(variable, ENV_PREFIX) || equals == NULL)
        return NULL;
    *value = equals + 1;
    const char *name = variable + strlen(ENV_PREFIX);
    return g_strndup(name, (gsize)(equals - name));
}

static bool apply_env_global(struct loader *loader, const char *name, const char *value)
{
    if (g_str_has_prefix(name, ENV_DEFAULTS)) {
        const struct config_key *key = config_key_find_path_env(name + strlen(ENV_DEFAULTS));
        if (key == NULL)
            return warn_unknown(loader, ENV_PREFIX, name);
        return config_key_set(key, &loader->config->defaults, ENV_PREFIX ENV_DEFAULTS, value, loader->error);
    }
    const struct config_key *key = config_key_find_global_env(name);
    return key == NULL || config_key_set(key, loader->config, ENV_PREFIX, value, loader->error);
}

/* "live/demo" -> "LIVE_DEMO_": how a path is spelled in a variable's name. */
static char *env_path_prefix(const struct path_config *path)
{
    char *text = g_strconcat(path->name, "_", NULL);
    for (char *c = text; *c != '\0'; c++)
        *c = g_ascii_isalnum(*c) ? g_ascii_toupper(*c) : '_';
    return text;
}

static bool apply_env_path(struct loader *loader, const char *name, const char *value)
{
    if (!g_str_has_prefix(name, ENV_PATHS))
        return true;
    const char *rest = name + strlen(ENV_PATHS);
    for (guint i = 0; i < loader->config->paths->len; i++) {
        struct path_config *path = loader->config->paths->pdata[i];
        g_autofree char *prefix = env_path_prefix(path);
        const struct config_key *key =
            g_str_has_prefix(rest, prefix) ? config_key_find_path_env(rest + strlen(prefix)) : NULL;
        if (key != NULL)
            return config_key_set(key, path, ENV_PREFIX ENV_PATHS, value, loader->error);
    }
    return warn_unknown(loader, ENV_PREFIX, name);
}

static bool apply_env(struct loader *loader,
                      bool (*apply)(struct loader *loader, const char *name, const char *value))
{
    for (const char *const *variable = loader->environment; variable != NULL && *variable != NULL;
         variable++) {
        const char *value = NULL;
        g_autofree char *name = env_name(*variable, &value);
        if (name != NULL && !apply(loader, name, value))
            return false;
    }
    return true;
}

/* Defaults before paths, whatever the order in the file, because paths start with what the defaults say. */
static bool apply_document(struct loader *loader)
{
    yaml_node_t *root = loader->has_document ? yaml_document_get_root_node(&loader->document) : NULL;
    yaml_node_t *defaults = find_member(loader, root, "pathDefaults");
    yaml_node_t *paths = find_member(loader, root, "paths");
    struct path_target target = {&loader->config->defaults, "pathDefaults."};
    if (root != NULL && !for_each_pair(loader, "the file", root, on_global, NULL))
        return false;
    if (defaults != NULL && !for_each_pair(loader, "pathDefaults", defaults, on_path_key, &target))
        return false;
    if (!apply_env(loader, apply_env_global))
        return false;
    if (paths == NULL)
        router_config_add_path(loader->config, ROUTER_ALL_OTHERS);
    else if (!for_each_pair(loader, "paths", paths, on_path, NULL))
        return false;
    return apply_env(loader, apply_env_path);
}

static bool apply_text(struct loader *loader, const char *text, gsize size)
{
    yaml_parser_t parser;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    loader->has_document = yaml_parser_load(&parser, &loader->document);
    bool fine = loader->has_document && apply_document(loader);
    if (loader->has_document)
        yaml_document_delete(&loader->document);
    else
        fail(loader, "line %zu is no YAML: %s", parser.problem_mark.line + 1,
             parser.problem != NULL ? parser.problem : "unreadable");
    yaml_parser_delete(&parser);
    return fine;
}

bool config_yaml_apply(struct router_config *config, const char *text, gsize size,
                       const char *const *environment, GPtrArray *warnings, struct dub_error *error)
{
    struct loader loader = {
        .config = config, .environment = environment, .warnings = warnings, .error = error};
    if (text == NULL)
        return apply_document(&loader);
    if (size > CONFIG_YAML_MAX_BYTES)
        return fail(&loader, "a file of %zu bytes, at most %u are read", size, CONFIG_YAML_MAX_BYTES);
    return apply_text(&loader, text, size);
}

bool config_yaml_load(struct router_config *config, const char *file, const char *const *environment,
                      GPtrArray *warnings, struct dub_error *error)
{
    g_autoptr(GError) gerror = NULL;
    g_autofree char *text = NULL;
    gsize size = 0;
    if (file != NULL && *file != '\0' && !g_file_get_contents(file, &text, &size, &gerror))
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "ROUTER_CONFIG: %s", gerror->message);
    return config_yaml_apply(config, text, size, environment, warnings, error);
}
