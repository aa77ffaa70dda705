/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may publish, read, or use the Control API and the metrics: MediaMTX's authInternalUsers. Pure: no
 * sockets, no YAML, one thread.
 *
 * Users are tried in the order of the file; the first whose name, address, permission and password fit lets
 * the request in. Name and password are plain text, or "sha256:" and the base64 of the hash. The user "any"
 * is everybody. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>

/* X(enum suffix, name in the file, has a path) */
#define AUTH_ACTIONS(X)                                                                                      \
    X(PUBLISH, "publish", true)                                                                              \
    X(READ, "read", true)                                                                                    \
    X(PLAYBACK, "playback", true)                                                                            \
    X(API, "api", false)                                                                                     \
    X(METRICS, "metrics", false)                                                                             \
    X(PPROF, "pprof", false)

enum auth_action {
#define X(name, text, path) AUTH_##name,
    AUTH_ACTIONS(X)
#undef X
        AUTH_ACTION_COUNT
};

/* How long a refusal is held back, so that passwords are not found by trying; MediaMTX takes up to 4 s. */
#define AUTH_PAUSE_S 2

struct auth_user;

/* All borrowed. Empty or NULL user and pass: none were given. */
struct auth_request {
    enum auth_action action;
    const char *path;           /* of publish, read, playback */
    const char *remote_address; /* "127.0.0.1:40112", "[::1]:40112", or without a port */
    const char *user, *pass;
    /* Where the password itself is not told: whether this one, a user's, is meant. NULL: pass counts. Hashes
     * are never asked about. */
    bool (*proves)(const char *password, const void *proof);
    const void *proof;
};

/* Nobody yet: the elements (struct auth_user *) are freed with the array. */
GPtrArray *auth_users_new(void);
/* What MediaMTX does when it is told nothing: everybody publishes and reads, the API and the metrics are for
 * this host. */
void auth_users_set_default(GPtrArray *users);

/* Appends a user who may nothing; borrowed from users. False when name or pass is not usable: a hash that is
 * none, a form of hash that is not supported, characters that MediaMTX does not take, or a password for
 * "any". */
struct auth_user *auth_users_add(GPtrArray *users, const char *name, const char *pass,
                                 struct dub_error *error);
/* "10.1.2.3", "10.0.0.0/8", "::1". Without any, a user may come from everywhere. */
bool auth_user_add_ip(struct auth_user *user, const char *text, struct dub_error *error);
/* path: NULL or "" for every path, a name, or "~" and a regular expression. */
bool auth_user_permit(struct auth_user *user, const char *action, const char *path, struct dub_error *error);

/* The name of a user whose password is known as a hash only; NULL when there is none. Borrowed. */
const char *auth_users_find_hashed(const GPtrArray *users);

/* False sets DUB_ERROR_AUTH_FAILED with a message for the log that has no password in it. */
bool auth_check(const GPtrArray *users, const struct auth_request *request, struct dub_error *error);

/* What an Authorization header says: "Basic dXNlcjpwYXNz" (RFC 7617); *user and *pass are the caller's. False
 * for anything else, with both NULL. header may be NULL. */
bool auth_from_basic(const char *header, char **user, char **pass);
/* The values of user= and pass= in a URL's query, URL-decoded; NULL where there is none. The caller's. */
void auth_from_query(const char *query, char **user, char **pass);
/* The query with the value of pass= replaced by "***": for logs, hooks and the API. The caller's. */
char *auth_mask_query(const char *query);
