/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth.h"

#include <dubbing_secret.h>
#include <gio/gio.h>
#include <string.h>

#define ANY "any"
#define SHA256_PREFIX "sha256:"
#define ARGON2_PREFIX "argon2:"
#define SHA256_BYTES 32
#define MASK "***"
#define BASIC "Basic "

static const struct {
    const char *name;
    bool has_path;
} actions[] = {
#define X(name, text, path) [AUTH_##name] = {text, path},
    AUTH_ACTIONS(X)
#undef X
};

struct network {
    GInetAddress *address;
    guint prefix_bits;
};

struct permission {
    enum auth_action action;
    char *path; /* "": every path */
    GRegex *regex;
};

struct auth_user {
    char *name, *pass;
    GArray *networks;    /* struct network; empty: everywhere */
    GArray *permissions; /* struct permission */
};

static void clear_network(gpointer data)
{
    struct network *network = data;
    g_clear_object(&network->address);
}

static void clear_permission(gpointer data)
{
    struct permission *permission = data;
    g_free(permission->path);
    g_clear_pointer(&permission->regex, g_regex_unref);
}

static void free_user(gpointer data)
{
    struct auth_user *user = data;
    g_free(user->name);
    g_free(user->pass);
    g_array_unref(user->networks);
    g_array_unref(user->permissions);
    g_free(user);
}

GPtrArray *auth_users_new(void)
{
    return g_ptr_array_new_with_free_func(free_user);
}

void auth_users_set_default(GPtrArray *users)
{
    static const char *const media[] = {"publish", "read", "playback"};
    static const char *const control[] = {"api", "metrics", "pprof"};
    g_ptr_array_set_size(users, 0);
    struct auth_user *everybody = auth_users_add(users, ANY, "", NULL);
    struct auth_user *local = auth_users_add(users, ANY, "", NULL);
    auth_user_add_ip(local, "127.0.0.1", NULL);
    auth_user_add_ip(local, "::1", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(media); i++)
        auth_user_permit(everybody, media[i], NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(control); i++)
        auth_user_permit(local, control[i], NULL, NULL);
}

static bool is_sha256(const char *text)
{
    gsize size = 0;
    g_autofree guchar *hash = g_base64_decode(text, &size);
    g_autofree char *again = g_base64_encode(hash, size);
    return size == SHA256_BYTES && strcmp(again, text) == 0;
}

/* What MediaMTX takes too, so that a file that works here works there. */
static bool has_plain_characters(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                             "!$()*+.;<=>[]^_-{}@#&")] == '\0';
}

/* Never says the value: a configuration error goes to the log. */
static bool check_credential(const char *what, const char *value, struct dub_error *error)
{
    if (g_str_has_prefix(value, ARGON2_PREFIX))
        return dub_error_set(
            error, DUB_ERROR_INVALID_CONFIG,
            "%s is an argon2 hash, which media-router does not check (it would hold up all streams "
            "for as long as it takes): use sha256: or plain text",
            what);
    if (g_str_has_prefix(value, SHA256_PREFIX))
        return is_sha256(value + strlen(SHA256_PREFIX)) ||
               dub_error_set(
                   error, DUB_ERROR_INVALID_CONFIG,
                   "%s begins with sha256: and goes on with something else than the base64 of 32 bytes",
                   what);
    return has_plain_characters(value) ||
           dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                         "%s has characters other than A-Z, a-z, 0-9 and !$()*+.;<=>[]^_-{}@#&", what);
}

struct auth_user *auth_users_add(GPtrArray *users, const char *name, const char *pass,
                                 struct dub_error *error)
{
    if (*name == '\0') {
        dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "user is empty: name one, or use \"" ANY "\"");
        return NULL;
    }
    if (strcmp(name, ANY) == 0 && *pass != '\0') {
        dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                      "user \"" ANY "\" has a password: give it a name or take away pass");
        return NULL;
    }
    if (!check_credential("user", name, error) || !check_credential("pass", pass, error))
        return NULL;
    struct auth_user *user = g_new0(struct auth_user, 1);
    user->name = g_strdup(name);
    user->pass = g_strdup(pass);
    user->networks = g_array_new(FALSE, TRUE, sizeof(struct network));
    user->permissions = g_array_new(FALSE, TRUE, sizeof(struct permission));
    g_array_set_clear_func(user->networks, clear_network);
    g_array_set_clear_func(user->permissions, clear_permission);
    g_ptr_array_add(users, user);
    return user;
}

bool auth_user_add_ip(struct auth_user *user, const char *text, struct dub_error *error)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    g_autoptr(GInetAddress) address = parts[0] != NULL ? g_inet_address_new_from_string(parts[0]) : NULL;
    guint64 bits = 0;
    guint64 most = address != NULL ? 8 * g_inet_address_get_native_size(address) : 0;
    bool has_prefix = parts[0] != NULL && parts[1] != NULL;
    if (address == NULL || (has_prefix && !g_ascii_string_to_unsigned(parts[1], 10, 0, most, &bits, NULL)))
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                             "ips: \"%.60s\" is neither an address nor a network such as 10.0.0.0/8", text);
    struct network network = {g_steal_pointer(&address), (guint)(has_prefix ? bits : most)};
    g_array_append_val(user->networks, network);
    return true;
}

static bool find_action(const char *name, enum auth_action *action)
{
    for (guint i = 0; i < AUTH_ACTION_COUNT; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            *action = (enum auth_action)i;
            return true;
        }
    }
    return false;
}

bool auth_user_permit(struct auth_user *user, const char *action, const char *path, struct dub_error *error)
{
    g_autoptr(GError) gerror = NULL;
    g_autoptr(GRegex) regex = NULL;
    enum auth_action known;
    if (!find_action(action, &known))
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                             "action \"%.60s\" must be publish, read, playback, api, metrics or pprof",
                             action);
    if (path != NULL && *path == '~') {
        regex = g_regex_new(path + 1, G_REGEX_OPTIMIZE, 0, &gerror);
        if (regex == NULL)
            return dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                                 "path \"%.60s\" is no regular expression: %s", path, gerror->message);
    }
    guint n = user->permissions->len;
    g_array_set_size(user->permissions, n + 1);
    g_array_index(user->permissions, struct permission, n) = (struct permission){
        .action = known, .path = g_strdup(path != NULL ? path : ""), .regex = g_steal_pointer(&regex)};
    return true;
}

static bool is_hashed(const char *credential)
{
    return g_str_has_prefix(credential, SHA256_PREFIX);
}

static bool matches_credential(const char *credential, const char *guess)
{
    if (!is_hashed(credential))
        return dub_secret_equal(credential, guess);
    guint8 hash[SHA256_BYTES];
    gsize size = sizeof hash;
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, (const guchar *)guess, -1);
    g_checksum_get_digest(checksum, hash, &size);
    g_autofree char *text = g_base64_encode(hash, size);
    return dub_secret_equal(credential + strlen(SHA256_PREFIX), text);
}

/* "[::1]:5", "127.0.0.1:5", "::1", "::ffff:127.0.0.1" (of a socket for both families): without brackets and
 * port. NULL for what is no address. */
static GInetAddress *parse_address(const char *text)
{
    static const char mapped[] = "::ffff:";
    if (g_str_has_prefix(text, mapped) && strchr(text, '.') != NULL)
        text += strlen(mapped);
    const char *colon = strchr(text, ':');
    if (*text == '[') {
        g_autofree char *inner = g_strndup(text + 1, strcspn(text + 1, "]"));
        return g_inet_address_new_from_string(inner);
    }
    if (colon == NULL || strchr(colon + 1, ':') != NULL)
        return g_inet_address_new_from_string(text);
    g_autofree char *host = g_strndup(text, (gsize)(colon - text));
    return g_inet_address_new_from_string(host);
}

static bool network_has(const struct network *network, GInetAddress *address)
{
    if (g_inet_address_get_family(network->address) != g_inet_address_get_family(address))
        return false;
    const guint8 *a = g_inet_address_to_bytes(network->address);
    const guint8 *b = g_inet_address_to_bytes(address);
    guint whole = network->prefix_bits / 8;
    guint rest = network->prefix_bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool comes_from(const struct auth_user *user, const char *remote_address)
{
    if (user->networks->len == 0)
        return true;
    g_autoptr(GInetAddress) address = remote_address != NULL ? parse_address(remote_address) : NULL;
    for (guint i = 0; address != NULL && i < user->networks->len; i++)
        if (network_has(&g_array_index(user->networks, struct network, i), address))
            return true;
    return false;
}

static bool permits(const struct auth_user *user, const struct auth_request *request)
{
    const char *path = request->path != NULL ? request->path : "";
    for (guint i = 0; i < user->permissions->len; i++) {
        const struct permission *permission = &g_array_index(user->permissions, struct permission, i);
        if (permission->action != request->action)
            continue;
        if (!actions[request->action].has_path || *permission->path == '\0')
            return true;
        if (permission->regex != NULL ? g_regex_match(permission->regex, path, 0, NULL)
                                      : strcmp(permission->path, path) == 0)
            return true;
    }
    return false;
}

/* MediaMTX: a user without a password is let in with any. */
static bool knows_password(const struct auth_user *user, const struct auth_request *request)
{
    if (strcmp(user->name, ANY) == 0)
        return true;
    if (!matches_credential(user->name, request->user != NULL ? request->user : ""))
        return false;
    if (*user->pass == '\0')
        return true;
    if (request->proves != NULL)
        return !is_hashed(user->pass) && request->proves(user->pass, request->proof);
    return matches_credential(user->pass, request->pass != NULL ? request->pass : "");
}

const char *auth_users_find_hashed(const GPtrArray *users)
{
    for (guint i = 0; i < users->len; i++) {
        const struct auth_user *user = users->pdata[i];
        if (is_hashed(user->pass))
            return user->name;
    }
    return NULL;
}

bool auth_check(const GPtrArray *users, const struct auth_request *request, struct dub_error *error)
{
    for (guint i = 0; i < users->len; i++) {
        const struct auth_user *user = users->pdata[i];
        if (comes_from(user, request->remote_address) && permits(user, request) &&
            knows_password(user, request))
            return true;
    }
    bool is_named = request->user != NULL && *request->user != '\0';
    g_autofree char *name = is_named ? g_strescape(request->user, NULL) : NULL;
    return dub_error_set(error, DUB_ERROR_AUTH_FAILED, "authentication failed: %s%.60s%s may not %s%s%.100s",
                         is_named ? "user \"" : "a peer without a user name", is_named ? name : "",
                         is_named ? "\"" : "", actions[request->action].name,
                         actions[request->action].has_path ? " path " : "",
                         actions[request->action].has_path && request->path != NULL ? request->path : "");
}

static bool is_named(const char *pair, const char *name)
{
    size_t length = strlen(name);
    return strncmp(pair, name, length) == 0 && pair[length] == '=';
}

/* "+" stands for a space in a query. NULL when an escape is broken. */
static char *decode_value(const char *pair)
{
    g_autofree char *text = g_strdup(strchr(pair, '=') + 1);
    return g_uri_unescape_string(g_strdelimit(text, "+", ' '), NULL);
}

bool auth_from_basic(const char *header, char **user, char **pass)
{
    *user = *pass = NULL;
    if (header == NULL || g_ascii_strncasecmp(header, BASIC, strlen(BASIC)) != 0)
        return false;
    gsize size;
    g_autofree char *encoded = g_strstrip(g_strdup(header + strlen(BASIC)));
    g_autofree guchar *decoded = g_base64_decode(encoded, &size);
    g_autofree char *text = g_strndup((const char *)decoded, size);
    const char *colon = strchr(text, ':');
    if (colon == NULL || !g_utf8_validate(text, -1, NULL))
        return false;
    *user = g_strndup(text, (gsize)(colon - text));
    *pass = g_strdup(colon + 1);
    return true;
}

/* OBS appends "?clientConfigId=..." of its own to a stream key that has a query already. */
#define PAIR_ENDS "&?"

void auth_from_query(const char *query, char **user, char **pass)
{
    g_auto(GStrv) pairs = g_strsplit_set(query, PAIR_ENDS, -1);
    *user = *pass = NULL;
    for (char **pair = pairs; *pair != NULL; pair++) {
        if (*user == NULL && is_named(*pair, "user"))
            *user = decode_value(*pair);
        else if (*pass == NULL && is_named(*pair, "pass"))
            *pass = decode_value(*pair);
    }
}

char *auth_mask_query(const char *query)
{
    GString *masked = g_string_new("");
    while (*query != '\0') {
        size_t length = strcspn(query, PAIR_ENDS);
        if (is_named(query, "pass"))
            g_string_append(masked, "pass=" MASK);
        else
            g_string_append_len(masked, query, (gssize)length);
        query += length;
        if (*query != '\0')
            g_string_append_c(masked, *query++);
    }
    return g_string_free(masked, FALSE);
}
