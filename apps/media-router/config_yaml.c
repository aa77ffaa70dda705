/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_yaml.h"

#include "auth_yaml.h"
#include "config_keys.h"
#include "path_name.h"

#include <string.h>
#include <yaml.h>

#define ENV_PREFIX "MTX_"
#define ENV_DEFAULTS "PATHDEFAULTS_"
#define ENV_PATHS "PATHS_"
#define ENV_USERS "AUTH" /* AUTHINTERNALUSERS_0_USER, AUTHMETHOD: not to be overlooked */

/* What reading carries around. */
struct loader {
    struct router_config *config;
    yaml_document_t document;
    bool has_document;
    size_t line; /* of what is being read, from 1; 0: not from the file */
    const char *const *environment;
    const struct config_notes *notes;
};

typedef bool (*pair_handler)(struct loader *loader, const char *name, yaml_node_t *value, void *user);

static void note(const struct loader *loader, GPtrArray *notes, const char *text)
{
    g_ptr_array_add(notes,
                    loader->line > 0 ? g_strdup_printf("line %zu: %s", loader->line, text) : g_strdup(text));
}

static bool fail(struct loader *loader, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Reading goes on afterwards, so that all problems are named at once. */
static bool fail(struct loader *loader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    note(loader, loader->notes->problems, text);
    return false;
}

static bool set_key(struct loader *loader, const struct config_key *key, void *target, const char *label,
                    const char *value)
{
    struct dub_error error = {0};
    return config_key_set(key, target, label, value, &error) || fail(loader, "%s", error.message);
}

/* A hook that is never run would be missed later, and elsewhere. */
static bool warn_unknown(struct loader *loader, const char *where, const char *name)
{
    g_autofree char *upper = g_ascii_strup(name, -1);
    g_autofree char *text =
        g_strdup_printf("%s%s is not known to media-router: ignored%s", where, name,
                        strstr(upper, "RUNON") != NULL ? ", its command is never run" : "");
    note(loader, loader->notes->warnings, text);
    return true;
}

static bool is_empty(const yaml_node_t *node)
{
    const char *text = yaml_node_text(node);
    return text != NULL && *text == '\0';
}

static bool handle_pair(struct loader *loader, const char *where, const yaml_node_pair_t *pair,
                        GHashTable *seen, pair_handler handle, void *user)
{
    const yaml_node_t *key = yaml_document_get_node(&loader->document, pair->key);
    const char *name = yaml_node_text(key);
    loader->line = key->start_mark.line + 1;
    if (name == NULL)
        return fail(loader, "%s: a key that is no text", where);
    if (!g_hash_table_add(seen, (char *)name))
        return fail(loader, "%s: \"%.100s\" stands there twice", where, name);
    return handle(loader, name, yaml_document_get_node(&loader->document, pair->value), user);
}

static bool for_each_pair(struct loader *loader, const char *where, yaml_node_t *node, pair_handler handle,
                          void *user)
{
    bool fine = true;
    if (is_empty(node))
        return true;
    if (node->type != YAML_MAPPING_NODE)
        return fail(loader, "%s must hold keys and values", where);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
        fine = handle_pair(loader, where, pair, seen, handle, user) && fine;
    return fine;
}

static yaml_node_t *find_member(struct loader *loader, yaml_node_t *map, const char *name)
{
    if (map == NULL || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++)
        if (g_strcmp0(yaml_node_text(yaml_document_get_node(&loader->document, pair->key)), name) == 0)
            return yaml_document_get_node(&loader->document, pair->value);
    return NULL;
}

static bool set_scalar(struct loader *loader, const struct config_key *key, void *target, const char *where,
                       const char *name, const yaml_node_t *value)
{
    const char *text = yaml_node_text(value);
    g_autofree char *label = g_strconcat(where, name, NULL);
    if (text == NULL)
        return fail(loader, "%s must be a single value, it is a list or holds keys", label);
    return set_key(loader, key, target, label, text);
}

/* -- paths -- */

struct path_target {
    struct path_config *path;
    const char *where; /* "paths.demo." */
};

/* What MediaMTX called a path's own credentials before it had users: who still writes them must not get an
 * open router. */
static bool check_old_credentials(struct loader *loader, const char *where, const char *name)
{
    static const char *const old[] = {"publishUser", "publishPass", "publishIPs", "readUser",
                                      "readPass",    "readIPs",     NULL};
    return !g_strv_contains(old, name) ||
           fail(loader, "%s%s is not supported any more: use authInternalUsers", where, name);
}

static bool on_path_key(struct loader *loader, const char *name, yaml_node_t *value, void *user)
{
    const struct path_target *target = user;
    const struct config_key *key = config_key_find_path(name);
    if (key == NULL)
        return check_old_credentials(loader, target->where, name) &&
               warn_unknown(loader, target->where, name);
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
    g_autofree char *label = g_strdup_printf("paths.%s", name);
    g_autofree char *where = g_strconcat(label, ".", NULL);
    struct path_target target = {add_path(loader, name), where};
    return target.path != NULL && for_each_pair(loader, label, value, on_path_key, &target);
}

/* -- authentication -- */

static bool set_users(struct loader *loader, const yaml_node_t *users)
{
    struct dub_error error = {0};
    return auth_yaml_read(&loader->document, users, loader->config->users, loader->notes->warnings, &error) ||
           fail(loader, "%s", error.message);
}

static bool check_method(struct loader *loader, const yaml_node_t *method)
{
    return g_strcmp0(yaml_node_text(method), "internal") == 0 ||
           fail(loader, "authMethod must be \"internal\": this router asks nobody else");
}

/* -- RTSP -- */

/* One value is a list of one. */
static void for_each_item(struct loader *loader, const yaml_node_t *value,
                          void (*take)(struct loader *loader, const char *text, void *user), void *user)
{
    if (value->type != YAML_SEQUENCE_NODE) {
        take(loader, yaml_node_text(value), user);
        return;
    }
    for (const yaml_node_item_t *item = value->data.sequence.items.start;
         item < value->data.sequence.items.top; item++)
        take(loader, yaml_node_text(yaml_document_get_node(&loader->document, *item)), user);
}

/* One of MediaMTX's udp, multicast and tcp. */
static void take_transport(struct loader *loader, const char *text, void *user)
{
    bool *has_tcp = user;
    if (g_strcmp0(text, "tcp") == 0) {
        *has_tcp = true;
        return;
    }
    g_autofree char *warning =
        g_strdup_printf("rtspTransports: %.40s is not served, clients that ask for it are told to use tcp",
                        text != NULL ? text : "a list");
    note(loader, loader->notes->warnings, warning);
}

static bool check_transports(struct loader *loader, const yaml_node_t *value)
{
    bool has_tcp = false;
    for_each_item(loader, value, take_transport, &has_tcp);
    return has_tcp || fail(loader, "rtspTransports must have tcp in it: this router has no other");
}

static void take_auth_method(struct loader *loader, const char *text, void *user)
{
    struct router_config *config = loader->config;
    bool *fine = user;
    if (g_strcmp0(text, "basic") == 0)
        config->rtsp_basic = true;
    else if (g_strcmp0(text, "digest") == 0)
        config->rtsp_digest = true;
    else
        *fine = fail(loader, "rtspAuthMethods has \"%.40s\" in it, it must be a list of basic and digest",
                     text != NULL ? text : "");
}

static bool set_auth_methods(struct loader *loader, const yaml_node_t *value)
{
    struct router_config *config = loader->config;
    bool fine = true;
    config->rtsp_basic = config->rtsp_digest = false;
    for_each_item(loader, value, take_auth_method, &fine);
    return fine && (config->rtsp_basic || config->rtsp_digest ||
                    fail(loader, "rtspAuthMethods must have basic or digest in it"));
}

/* A client that is offered both takes digest, and could never prove what is known as a hash. */
static bool check_digest(struct loader *loader)
{
    const char *hashed = auth_users_find_hashed(loader->config->users);
    loader->line = 0;
    return !loader->config->rtsp_digest || hashed == NULL ||
           fail(loader,
                "rtspAuthMethods: digest needs passwords in the clear, user \"%.60s\" has a hash: use basic",
                hashed);
}

/* -- the file -- */

static bool on_global(struct loader *loader, const char *name, yaml_node_t *value, void *user)
{
    static const char *const elsewhere[] = {"pathDefaults", "paths", NULL};
    const struct config_key *key = config_key_find_global(name);
    if (g_strv_contains(elsewhere, name))
        return true;
    if (strcmp(name, "authInternalUsers") == 0)
        return set_users(loader, value);
    if (strcmp(name, "authMethod") == 0)
        return check_method(loader, value);
    if (strcmp(name, "rtspTransports") == 0)
        return check_transports(loader, value);
    if (strcmp(name, "rtspAuthMethods") == 0)
        return set_auth_methods(loader, value);
    if (key == NULL)
        return warn_unknown(loader, "", name);
    return set_scalar(loader, key, loader->config, "", name, value);
}

/* What a hook of some MediaMTX is told, and we with it when it starts us. */
static bool is_for_hooks(const char *name)
{
    static const char *const names[] = {
        "PATH",      "QUERY",   "SOURCE_TYPE",  "SOURCE_ID",        "READER_TYPE", "READER_ID",
        "CONN_TYPE", "CONN_ID", "SEGMENT_PATH", "SEGMENT_DURATION", NULL};
    return g_strv_contains(names, name);
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
    bool is_default = g_str_has_prefix(name, ENV_DEFAULTS);
    if (g_str_has_prefix(name, ENV_USERS))
        return fail(loader, ENV_PREFIX "%s: users are read from the file of ROUTER_CONFIG only", name);
    void *target = is_default ? (void *)&loader->config->defaults : loader->config;
    const struct config_key *key =
        is_default ? config_key_find_path_env(name + strlen(ENV_DEFAULTS)) : config_key_find_global_env(name);
    g_autofree char *label = g_strconcat(ENV_PREFIX, name, NULL);
    if (key != NULL)
        return set_key(loader, key, target, label, value);
    return is_for_hooks(name) || g_str_has_prefix(name, ENV_PATHS) || warn_unknown(loader, ENV_PREFIX, name);
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
        g_autofree char *label = g_strconcat(ENV_PREFIX, name, NULL);
        if (key != NULL)
            return set_key(loader, key, path, label, value);
    }
    return warn_unknown(loader, ENV_PREFIX, name);
}

static bool apply_env(struct loader *loader,
                      bool (*apply)(struct loader *loader, const char *name, const char *value))
{
    bool fine = true;
    loader->line = 0;
    for (const char *const *variable = loader->environment; variable != NULL && *variable != NULL;
         variable++) {
        const char *value = NULL;
        g_autofree char *name = env_name(*variable, &value);
        fine = (name == NULL || apply(loader, name, value)) && fine;
    }
    return fine;
}

/* Defaults before paths, whatever the order in the file, because paths start with what the defaults say. */
static bool apply_document(struct loader *loader)
{
    yaml_node_t *root = loader->has_document ? yaml_document_get_root_node(&loader->document) : NULL;
    yaml_node_t *defaults = find_member(loader, root, "pathDefaults");
    yaml_node_t *paths = find_member(loader, root, "paths");
    struct path_target target = {&loader->config->defaults, "pathDefaults."};
    bool fine = root == NULL || for_each_pair(loader, "the file", root, on_global, NULL);
    if (defaults != NULL)
        fine = for_each_pair(loader, "pathDefaults", defaults, on_path_key, &target) && fine;
    fine = apply_env(loader, apply_env_global) && fine;
    if (paths == NULL)
        router_config_add_path(loader->config, ROUTER_ALL_OTHERS);
    else
        fine = for_each_pair(loader, "paths", paths, on_path, NULL) && fine;
    fine = apply_env(loader, apply_env_path) && fine;
    return check_digest(loader) && fine;
}

static void fail_syntax(struct loader *loader, const yaml_parser_t *parser)
{
    loader->line = parser->problem_mark.line + 1;
    fail(loader, "this is no YAML: %s", parser->problem != NULL ? parser->problem : "unreadable");
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
        fail_syntax(loader, &parser);
    yaml_parser_delete(&parser);
    return fine;
}

static bool apply(struct loader *loader, const char *text, gsize size)
{
    if (text == NULL)
        return apply_document(loader);
    if (size > CONFIG_YAML_MAX_BYTES)
        return fail(loader, "a file of %zu bytes, at most %u are read", size, CONFIG_YAML_MAX_BYTES);
    return apply_text(loader, text, size);
}

bool config_yaml_apply(struct router_config *config, const char *text, gsize size,
                       const char *const *environment, const struct config_notes *notes,
                       struct dub_error *error)
{
    struct loader loader = {.config = config, .environment = environment, .notes = notes};
    if (apply(&loader, text, size))
        return true;
    return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "%s", (const char *)notes->problems->pdata[0]);
}

bool config_yaml_load(struct router_config *config, const char *file, const char *const *environment,
                      const struct config_notes *notes, struct dub_error *error)
{
    g_autoptr(GError) gerror = NULL;
    g_autofree char *text = NULL;
    gsize size = 0;
    if (file != NULL && *file != '\0' && !g_file_get_contents(file, &text, &size, &gerror)) {
        g_ptr_array_add(notes->problems, g_strdup_printf("ROUTER_CONFIG: %s", gerror->message));
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "ROUTER_CONFIG: %s", gerror->message);
    }
    return config_yaml_apply(config, text, size, environment, notes, error);
}
