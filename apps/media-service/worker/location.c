/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "location.h"

#include <errno.h>
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TS_PACKET_BYTES 188

static const struct {
    const char *prefix;
    enum location_kind kind;
} schemes[] = {
    {"rtmp://", LOCATION_RTMP},
    {"rtmps://", LOCATION_RTMP},
    {"file://", LOCATION_FILE},
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

static bool check_scheme(const char *location, struct dub_error *error)
{
    if (!has_scheme(location))
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
        if (g_str_has_prefix(location, schemes[i].prefix))
            return true;
    g_autofree char *scheme = g_uri_parse_scheme(location);
    return dub_error_set(error, DUB_ERROR_UNSUPPORTED,
                         "scheme \"%s://\" is not supported: use rtmp://, rtmps://, file:// or a path",
                         scheme);
}

static bool check_rtmp(const char *location, struct dub_error *error)
{
    g_autoptr(GUri) uri = g_uri_parse(location, G_URI_FLAGS_NONE, NULL);
    const char *path = uri ? g_uri_get_path(uri) : "";

    if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri))
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT,
                             "not a URL with a host: rtmp://host[:port]/app/key");
    if (strlen(path) < 4 || !strchr(path + 1, '/'))
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT,
                             "the path \"%s\" needs an application and a stream: rtmp://host[:port]/app/key",
                             path);
    return true;
}

static bool check_file_url(const char *location, struct dub_error *error)
{
    g_autofree char *path = location_file_path(location);
    if (!path)
        return dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "not a local file URL: file:///folder/name");
    return true;
}

bool input_location_check(const char *location, struct dub_error *error)
{
    if (!check_scheme(location, error))
        return false;
    return location_kind(location) == LOCATION_RTMP ? check_rtmp(location, error)
                                                    : check_file_url(location, error);
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
    if (!check_scheme(location, error))
        return false;
    if (location_kind(location) == LOCATION_RTMP)
        return check_rtmp(location, error);
    return check_file_url(location, error) && check_output_file(location, error);
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
