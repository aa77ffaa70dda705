/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "location.h"

#include <dubbing_ids.h>
#include <dubbing_rtmp_url.h>
#include <errno.h>
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TS_PACKET_BYTES 188
/* libsrt's bounds */
#define SRT_PASSPHRASE_MIN 10
#define SRT_PASSPHRASE_MAX 79

static const struct {
    const char *prefix;
    enum location_kind kind;
} schemes[] = {
    {"rtmp://", LOCATION_RTMP}, {"rtmps://", LOCATION_RTMP}, {"rtsp://", LOCATION_RTSP},
    {"srt://", LOCATION_SRT},   {"file://", LOCATION_FILE},
};

static bool has_scheme(const char *location)
{
    g_autofree char *scheme = g_uri_parse_scheme(location);
    return scheme && strstr(location, "://");
}

char *location_file_path(const char *location)
{
    if (g_str_has_prefix(location, "file://")) {
        g_autofree char *host = NULL;
        g_autofree char *path = g_filename_from_uri(location, &host, NULL);
        return host ? NULL : g_steal_pointer(&path);
    }
    return has_scheme(location) ? NULL : g_strdup(location);
}

enum location_kind location_kind(const char *location)
{
    for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
        if (g_str_has_prefix(location, schemes[i].prefix))
            return schemes[i].kind;
    return LOCATION_FILE;
}

bool location_is_listener(const char *location)
{
    g_autoptr(GUri) uri = location_kind(location) == LOCATION_SRT
                              ? g_uri_parse(location, G_URI_FLAGS_ENCODED_QUERY, NULL)
                              : NULL;
    const char *text = uri ? g_uri_get_query(uri) : NULL;
    g_autoptr(GHashTable) query = g_uri_parse_params(text ? text : "", -1, "&", G_URI_PARAMS_NONE, NULL);

    return query && g_strcmp0(g_hash_table_lookup(query, "mode"), "listener") == 0;
}

static void replace_all(char **text, const char *what, const char *with)
{
    g_auto(GStrv) parts = g_strsplit(*text, what, -1);
    g_free(*text);
    *text = g_strjoinv(with, parts);
}

char *location_mask_in(const char *location, const char *text)
{
    g_autoptr(GUri) uri = has_scheme(location) ? g_uri_parse(location, G_URI_FLAGS_HAS_PASSWORD, NULL) : NULL;
    g_autofree char *masked = dub_url_mask(location);
    char *out = g_strdup(text);

    replace_all(&out, location, masked);
    if (!uri)
        return out;
    const char *password = g_uri_get_password(uri), *query = g_uri_get_query(uri);
    g_autoptr(GHashTable) values = g_uri_parse_params(query ? query : "", -1, "&", G_URI_PARAMS_NONE, NULL);
    const char *passphrase = values ? g_hash_table_lookup(values, "passphrase") : NULL;
    if (password && *password)
        replace_all(&out, password, "***");
    if (passphrase && *passphrase)
        replace_all(&out, passphrase, "***");
    return out;
}

static bool check_scheme(const char *location, struct dub_error *error)
{
    if (!has_scheme(location))
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
        if (g_str_has_prefix(location, schemes[i].prefix))
            return true;
    g_autofree char *scheme = g_uri_parse_scheme(location);
    return dub_error_set(
        error, DUB_ERROR_UNSUPPORTED,
        "scheme \"%s://\" is not supported: use rtmp://, rtmps://, rtsp://, srt://, file:// or a path",
        scheme);
}

static bool check_rtmp(const char *location, struct dub_error *error)
{
    struct rtmp_url url;

    if (!rtmp_url_parse(location, &url, error))
        return false;
    rtmp_url_clear(&url);
    return true;
}

static bool check_rtsp(const char *location, struct dub_error *error)
{
    g_autoptr(GUri) uri = g_uri_parse(location, G_URI_FLAGS_NONE, NULL);

    if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri))
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT,
                             "not a URL with a host: rtsp://[user:password@]host[:port]/path");
    return true;
}

static bool check_srt_passphrase(const GHashTable *query, struct dub_error *error)
{
    const char *passphrase = g_hash_table_lookup((GHashTable *)query, "passphrase");
    size_t size = passphrase ? strlen(passphrase) : SRT_PASSPHRASE_MIN;

    if (size >= SRT_PASSPHRASE_MIN && size <= SRT_PASSPHRASE_MAX)
        return true;
    return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "the passphrase has %zu characters: use %d to %d",
                         size, SRT_PASSPHRASE_MIN, SRT_PASSPHRASE_MAX);
}

/* A listener needs no host: it listens on every address then. */
static bool check_srt(const char *location, struct dub_error *error)
{
    g_autoptr(GUri) uri = g_uri_parse(location, G_URI_FLAGS_ENCODED_QUERY, NULL);
    const char *text = uri ? g_uri_get_query(uri) : NULL;
    g_autoptr(GHashTable) query = g_uri_parse_params(text ? text : "", -1, "&", G_URI_PARAMS_NONE, NULL);

    if (!uri || !query || g_uri_get_port(uri) <= 0)
        return dub_error_set(
            error, DUB_ERROR_INVALID_ARGUMENT,
            "not a URL with a port: srt://host:port?mode=caller or srt://:port?mode=listener");
    const char *mode = g_hash_table_lookup(query, "mode");
    bool is_listener = g_strcmp0(mode, "listener") == 0;
    if (mode && !is_listener && strcmp(mode, "caller") != 0)
        return dub_error_set(error, DUB_ERROR_UNSUPPORTED, "mode=%s is not supported: use caller or listener",
                             mode);
    if (!is_listener && (!g_uri_get_host(uri) || !*g_uri_get_host(uri)))
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT,
                             "a caller needs a host: srt://host:port, or mode=listener");
    return check_srt_passphrase(query, error);
}

static bool check_file_url(const char *location, struct dub_error *error)
{
    g_autofree char *path = location_file_path(location);
    if (!path)
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "not a local file URL: file:///folder/name");
    return true;
}

static bool (*const checks[])(const char *, struct dub_error *) = {
    [LOCATION_RTMP] = check_rtmp,
    [LOCATION_RTSP] = check_rtsp,
    [LOCATION_SRT] = check_srt,
    [LOCATION_FILE] = check_file_url,
};

bool input_location_check(const char *location, struct dub_error *error)
{
    return check_scheme(location, error) && checks[location_kind(location)](location, error);
}

static bool check_output_file(const char *location, struct dub_error *error)
{
    g_autofree char *path = location_file_path(location);

    if (container_from_name(path) == CONTAINER_UNKNOWN)
        return dub_error_set(error, DUB_ERROR_UNSUPPORTED, "\"%s\" should end in .mp4, .flv or .ts", path);
    g_autofree char *folder = g_path_get_dirname(path);
    if (access(folder, W_OK | X_OK) != 0)
        return dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot write into folder \"%s\"", folder);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return dub_error_set(error, DUB_ERROR_IO, "\"%s\" is a folder", path);
    return true;
}

bool output_location_check(const char *location, struct dub_error *error)
{
    if (!input_location_check(location, error))
        return false;
    return location_kind(location) != LOCATION_FILE || check_output_file(location, error);
}

enum container container_from_name(const char *path)
{
    static const struct {
        const char *ending;
        enum container container;
    } endings[] = {{".mp4", CONTAINER_MP4}, {".flv", CONTAINER_FLV}, {".ts", CONTAINER_TS}};
    g_autofree char *lower = g_ascii_strdown(path, -1);

    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
        if (g_str_has_suffix(lower, endings[i].ending))
            return endings[i].container;
    return CONTAINER_UNKNOWN;
}

static enum container recognise(const uint8_t *head, size_t size)
{
    /* The first box of an ISO file is nearly always its type; QuickTime may begin with others. */
    static const char *const boxes[] = {"ftyp", "moov", "mdat", "free", "wide", "skip"};

    if (size >= 3 && memcmp(head, "FLV", 3) == 0)
        return CONTAINER_FLV;
    if (size > TS_PACKET_BYTES && head[0] == 0x47 && head[TS_PACKET_BYTES] == 0x47)
        return CONTAINER_TS;
    for (size_t i = 0; size >= 8 && i < G_N_ELEMENTS(boxes); i++)
        if (memcmp(head + 4, boxes[i], 4) == 0)
            return CONTAINER_MP4;
    return CONTAINER_UNKNOWN;
}

enum container container_from_content(const char *path, struct dub_error *error)
{
    uint8_t head[TS_PACKET_BYTES + 1];
    FILE *file = fopen(path, "rbe");

    if (!file) {
        dub_error_set_errno(error, DUB_ERROR_NOT_FOUND, errno, "cannot open \"%s\"", path);
        return CONTAINER_UNKNOWN;
    }
    errno = 0;
    size_t size = fread(head, 1, sizeof(head), file);
    if (ferror(file)) {
        dub_error_set_errno(error, DUB_ERROR_NOT_FOUND, errno, "cannot read \"%s\"", path);
        fclose(file);
        return CONTAINER_UNKNOWN;
    }
    fclose(file);
    enum container container = recognise(head, size);
    if (container == CONTAINER_UNKNOWN)
        dub_error_set(error, DUB_ERROR_UNSUPPORTED, "\"%s\" is no MP4, FLV or MPEG-TS file", path);
    return container;
}
