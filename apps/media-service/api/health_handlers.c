/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers.h"

#include <dubbing_metrics.h>

void api_on_health(struct dub_http_request *request, void *user)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "status", "ok");
    json_object_set_string_member(object, "version", DUB_VERSION);
    api_reply_object(request, 200, object);
}

/* Adds {"ok", "detail"} for a dependency. */
static bool add_check(void *checks, const char *name, bool ok, const char *problem)
{
    JsonObject *check = json_object_new();
    json_object_set_boolean_member(check, "ok", ok);
    if (!ok)
        json_object_set_string_member(check, "detail", problem);
    json_object_set_object_member(checks, name, check);
    return ok;
}

static bool program_exists(const char *program)
{
    g_autofree char *path = g_find_program_in_path(program);
    return path != NULL;
}

/* What has to work for new streams to be taken; calls on_check for each, true when all of it does. */
static bool check_all(const struct api_deps *deps,
                      bool (*on_check)(void *user, const char *name, bool ok, const char *problem),
                      void *user)
{
    bool ready = on_check(user, "router", reconcile_router_is_reachable(deps->reconcile),
                          reconcile_problem(deps->reconcile));
    ready &=
        on_check(user, "stateDir", state_dir_is_writable(deps->state_dir), "ORCH_STATE_DIR is not writable");
    ready &= on_check(user, "worker", program_exists(deps->worker_program),
                      "the program of ORCH_WORKER_COMMAND is not there or cannot be executed");
    return ready;
}

void api_on_ready(struct dub_http_request *request, void *user)
{
    JsonObject *checks = json_object_new();
    bool ready = check_all(&((struct api *)user)->deps, add_check, checks);
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "ready", ready);
    json_object_set_object_member(object, "checks", checks);
    api_reply_object(request, ready ? 200 : 503, object);
}

static bool set_metric(void *metrics, const char *name, bool ok, const char *problem)
{
    service_metrics_set_dependency(metrics, name, ok);
    return ok;
}

void api_on_metrics(struct dub_http_request *request, void *user)
{
    const struct api_deps *deps = &((struct api *)user)->deps;
    (void)check_all(deps, set_metric, deps->metrics);
    dub_http_reply_text(request, 200, DUB_METRICS_CONTENT_TYPE,
                        service_metrics_format(deps->metrics, deps->registry));
}
