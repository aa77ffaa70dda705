/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The router's hook command: tells media-service that a path is ready or not ready. The router starts it for
 * each publisher and may run in a container with nothing else in it, so it needs the C library and no more.
 *
 *   mtx-hook ready|not-ready
 *
 * reads MTX_PATH, MTX_QUERY, MTX_SOURCE_TYPE, MTX_SOURCE_ID, ORCHESTRATOR_URL and ORCH_API_KEY, or the first
 * line of the file that ORCH_API_KEY_FILE names. */
#include "hook_json.h"
#include "hook_post.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_URL "http://127.0.0.1:8080"
#define TOTAL_S 5
#define ATTEMPT_MS 2000
#define PAUSE_US 300000
#define KEY_MAX_BYTES 1024

static const char *value_of(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL ? value : "";
}

/* Name resolution knows no deadline of its own. */
static void on_alarm(int signal_number)
{
    static const char message[] = "mtx-hook: no answer within 5 s\n";
    if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
        _exit(1);
    _exit(1);
}

static char *make_body(void)
{
    char *query = hook_decode_query(value_of("MTX_QUERY"));
    const struct hook_field fields[] = {
        {"path", value_of("MTX_PATH")},
        {"query", query},
        {"sourceType", value_of("MTX_SOURCE_TYPE")},
        {"sourceId", value_of("MTX_SOURCE_ID")},
    };
    char *body = hook_json(fields, sizeof(fields) / sizeof(fields[0]));
    free(query);
    return body;
}

/* The first line of the file. False with a message when there is none that can be used. */
static bool read_key_file(const char *path, char *key, int size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(key, size, file) == NULL) {
        fprintf(stderr, "mtx-hook: ORCH_API_KEY_FILE: cannot read %s: %s\n", path,
                file == NULL ? strerror(errno) : "it is empty");
        if (file != NULL)
            fclose(file);
        return false;
    }
    fclose(file);
    key[strcspn(key, "\r\n")] = '\0';
    return true;
}

static bool find_key(char *key, int size)
{
    const char *path = value_of("ORCH_API_KEY_FILE");
    if (*path != '\0' && *value_of("ORCH_API_KEY") == '\0')
        return read_key_file(path, key, size);
    int length = snprintf(key, (size_t)size, "%s", value_of("ORCH_API_KEY"));
    if (length < size)
        return true;
    fprintf(stderr, "mtx-hook: ORCH_API_KEY is too long\n");
    return false;
}

/* What came from a publisher or a server on its way to the router's log: one line, nothing that steers a
 * terminal. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

/* A user and password in the URL are not for the log. */
static const char *without_user(const char *url)
{
    const char *at = strrchr(url, '@');
    return at != NULL ? at + 1 : url;
}

static void report_failure(const char *event, const char *url, const char *message)
{
    char line[2048];
    snprintf(line, sizeof(line), "mtx-hook: %s of \"%.1024s\" was not delivered to %.300s: %s", event,
             value_of("MTX_PATH"), without_user(url), message);
    make_printable(line);
    fprintf(stderr, "%s\n", line);
}

static int post_with_retry(const char *url, const char *event, const char *body, const char *key)
{
    char message[512] = "";
    for (int attempt = 0; attempt < 2; attempt++) {
        enum hook_result result = hook_post(url, event, body, key, ATTEMPT_MS, message, sizeof(message));
        if (result == HOOK_DONE)
            return 0;
        if (result == HOOK_REFUSED)
            break;
        if (attempt == 0)
            usleep(PAUSE_US);
    }
    report_failure(event, url, message);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 2 || (strcmp(argv[1], "ready") != 0 && strcmp(argv[1], "not-ready") != 0)) {
        fprintf(stderr, "usage: mtx-hook ready|not-ready\n");
        return 2;
    }
    const char *url = *value_of("ORCHESTRATOR_URL") != '\0' ? value_of("ORCHESTRATOR_URL") : DEFAULT_URL;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_alarm);
    alarm(TOTAL_S);
    char key[KEY_MAX_BYTES];
    if (!find_key(key, sizeof(key)))
        return 1;
    char *body = make_body();
    int code = post_with_retry(url, argv[1], body, key);
    free(body);
    return code;
}
