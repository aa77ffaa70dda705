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
static bool add_check(JsonObject *checks, const char *name, bool ok, const char *problem)
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

void api_on_ready(struct dub_http_request *request, void *user)
{
    const struct api_deps *deps = &((struct api *)user)->deps;
    JsonObject *checks = json_object_new();
    bool ready = add_check(checks, "router", reconcile_router_is_reachable(deps->reconcile),
                           reconcile_problem(deps->reconcile));
    ready &= add_check(checks, "stateDir", state_dir_is_writable(deps->state_dir),
                       "ORCH_STATE_DIR is not writable");
    ready &= add_check(checks, "worker", program_exists(deps->worker_program),
                       "the program of ORCH_WORKER_COMMAND is not there or cannot be executed");
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "ready", ready);
    json_object_set_object_member(object, "checks", checks);
    api_reply_object(request, ready ? 200 : 503, object);
}

void api_on_metrics(struct dub_http_request *request, void *user)
{
    const struct api_deps *deps = &((struct api *)user)->deps;
    dub_http_reply_text(request, 200, DUB_METRICS_CONTENT_TYPE,
                        service_metrics_format(deps->metrics, deps->registry));
}
