/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings_files.h"

#include "engines/translation/glossary.h"
#include "engines/tts/voices.h"
#include "gpu/nvml.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static bool is_set(const char *text)
{
    return text && *text;
}

static G_GNUC_PRINTF(4, 5) void add(GPtrArray *problems, const char *variable, const char *value,
                                    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_ptr_array_add(problems, g_strdup_printf("%s is \"%s\": %s", variable, value, what));
}

/* "[::1]" is written for "::1" where a port follows. */
static char *without_brackets(const char *address)
{
    size_t length = strlen(address);
    if (length > 2 && address[0] == '[' && address[length - 1] == ']')
        return g_strndup(address + 1, length - 2);
    return g_strdup(address);
}

/* What is made of digits and dots, or has a colon, can only be an address: no name server is asked for it. */
static bool is_numeric(const char *host)
{
    return strchr(host, ':') || strspn(host, "0123456789.") == strlen(host);
}

static GInetAddress *resolve(const char *host, GError **failure)
{
    GInetAddress *address = g_inet_address_new_from_string(host);
    if (address)
        return address;
    if (is_numeric(host)) {
        g_set_error_literal(failure, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "no such address can exist");
        return NULL;
    }
    GResolver *resolver = g_resolver_get_default();
    GList *found = g_resolver_lookup_by_name(resolver, host, NULL, failure);
    address = found ? g_object_ref(found->data) : NULL;
    g_resolver_free_addresses(found);
    g_object_unref(resolver);
    return address;
}

/* Whether this machine has it: with any port, so that a busy one is not in the way. */
static bool can_bind(GInetAddress *address, GError **failure)
{
    g_autoptr(GSocket) socket = g_socket_new(g_inet_address_get_family(address), G_SOCKET_TYPE_STREAM,
                                             G_SOCKET_PROTOCOL_TCP, failure);
    g_autoptr(GSocketAddress) any_port = g_inet_socket_address_new(address, 0);
    return socket && g_socket_bind(socket, any_port, FALSE, failure);
}

static void check_address(const char *value, GPtrArray *problems)
{
    g_autoptr(GError) failure = NULL;
    if (!is_set(value))
        return;
    g_autofree char *host = without_brackets(value);
    g_autoptr(GInetAddress) address = resolve(host, &failure);
    if (!address || !can_bind(address, &failure))
        add(problems, "STS_ADDR", value, "%s: must be an IPv4 or IPv6 address or a name of this machine",
            failure->message);
}

static bool check_readable(const char *variable, const char *path, GPtrArray *problems)
{
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        add(problems, variable, path, "is a folder: must be a PEM file");
    else if (g_access(path, R_OK) != 0)
        add(problems, variable, path, "%s: must be a PEM file", g_strerror(errno));
    else
        return true;
    return false;
}

static bool check_certificate(const char *path, GPtrArray *problems)
{
    g_autoptr(GError) failure = NULL;
    if (!check_readable("STS_TLS_CERT", path, problems))
        return false;
    g_autoptr(GTlsCertificate) certificate = g_tls_certificate_new_from_file(path, &failure);
    if (!certificate)
        add(problems, "STS_TLS_CERT", path, "%s: must be a PEM file with a certificate", failure->message);
    return certificate != NULL;
}

static bool has_private_key(const char *path)
{
    g_autofree char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "PRIVATE KEY-----");
}

/* A key is only understood together with its certificate. */
static void check_tls(const struct sts_settings *settings, GPtrArray *problems)
{
    g_autoptr(GError) failure = NULL;
    if (!is_set(settings->tls_cert) || !is_set(settings->tls_key))
        return;
    const char *key = settings->tls_key;
    bool certified = check_certificate(settings->tls_cert, problems);
    if (!check_readable("STS_TLS_KEY", key, problems))
        return;
    if (!has_private_key(key)) {
        add(problems, "STS_TLS_KEY", key, "no private key is in it: must be a PEM file with one");
        return;
    }
    if (!certified)
        return;
    g_autoptr(GTlsCertificate) pair = g_tls_certificate_new_from_files(settings->tls_cert, key, &failure);
    if (!pair)
        add(problems, "STS_TLS_KEY", key, "%s: must be the key of STS_TLS_CERT", failure->message);
}

/* Every problem of a file, each in a line of its own. */
static void add_all(GPtrArray *problems, const char *variable, const char *path, const GPtrArray *found)
{
    for (guint i = 0; i < found->len; i++)
        add(problems, variable, path, "%s", (const char *)found->pdata[i]);
}

static void check_voices(const struct sts_settings *settings, GPtrArray *problems)
{
    const char *path = sts_voices_path(settings);
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    if (path)
        voices_free(voices_read(path, found));
    add_all(problems, "STS_VOICES_FILE", path, found);
}

static void check_glossary(const char *path, GPtrArray *problems)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    if (is_set(path))
        glossary_free(glossary_read(path, found));
    add_all(problems, "STS_GLOSSARY_FILE", path, found);
}

/* The folder, or what is there of the way to it. */
static char *nearest(const char *path)
{
    char *at = g_canonicalize_filename(path, NULL);
    while (strcmp(at, "/") != 0 && !g_file_test(at, G_FILE_TEST_EXISTS)) {
        char *parent = g_path_get_dirname(at);
        g_free(at);
        at = parent;
    }
    return at;
}

/* One that is not there yet is fine where it can be made. */
static void check_folder(const char *variable, const char *path, int access, GPtrArray *problems)
{
    if (!is_set(path))
        return;
    g_autofree char *at = nearest(path);
    if (!g_file_test(at, G_FILE_TEST_IS_DIR))
        add(problems, variable, path, "%s is no folder: must be a folder, or one that can be made", at);
    else if (g_access(at, access | X_OK) != 0)
        add(problems, variable, path, "%s: %s: must be a folder that can be %s", at, g_strerror(errno),
            access & W_OK ? "written to" : "read");
}

static void check_device(const struct sts_settings *settings, GPtrArray *problems)
{
    if (strcmp(sts_device_name(settings->device), "cuda") != 0)
        return;
    struct nvml *nvml = nvml_open(NVML_LIBRARY);
    if (!nvml)
        add(problems, "STS_DEVICE", "cuda",
            "no GPU with its driver (%s) is there: set auto or cpu, or install the driver", NVML_LIBRARY);
    nvml_close(nvml);
}

void settings_check_files(const struct sts_settings *settings, GPtrArray *problems)
{
    check_address(settings->addr, problems);
    check_tls(settings, problems);
    check_device(settings, problems);
    check_folder("STS_MODEL_CACHE_DIR", settings->model_cache_dir, R_OK, problems);
    check_voices(settings, problems);
    check_glossary(settings->glossary_file, problems);
    check_folder("STS_ARTIFACT_DIR", settings->artifact_dir, W_OK, problems);
}
