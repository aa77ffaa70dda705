/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The router's hook command: tells media-service that a path is ready or not ready. The router starts it for
 * each publisher and may run in a container with nothing else in it, so it needs the C library and no more.
 *
 *   mtx-hook ready|not-ready
 *
 * reads MTX_PATH, MTX_QUERY, MTX_SOURCE_TYPE, MTX_SOURCE_ID, ORCHESTRATOR_URL and ORCH_API_KEY. */
#include "hook_json.h"
#include "hook_post.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_URL "http://127.0.0.1:8080"
#define TOTAL_S 5
#define ATTEMPT_MS 2000
#define PAUSE_US 300000

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

static int post_with_retry(const char *url, const char *event, const char *body)
{
    char message[512] = "";
    for (int attempt = 0; attempt < 2; attempt++) {
        enum hook_result result =
            hook_post(url, event, body, getenv("ORCH_API_KEY"), ATTEMPT_MS, message, sizeof(message));
        if (result == HOOK_DONE)
            return 0;
        if (result == HOOK_REFUSED)
            break;
        if (attempt == 0)
            usleep(PAUSE_US);
    }
    fprintf(stderr, "mtx-hook: %s of \"%s\" was not delivered to %s: %s\n", event, value_of("MTX_PATH"), url,
            message);
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
    char *body = make_body();
    int code = post_with_retry(url, argv[1], body);
    free(body);
    return code;
}
