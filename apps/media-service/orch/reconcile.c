/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reconcile.h"

#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <dubbing_log.h>
#include <libsoup/soup.h>
#include <string.h>

#define ITEMS_PER_PAGE 100
#define PAGES_MAX 100
#define ANSWER_MAX_BYTES (4 << 20)
#define TIMEOUT_S 5

struct reconcile {
    char *api_url;
    char *shown_url; /* without a password, for messages */
    struct registry *registry;
    SoupSession *session;
    GCancellable *cancellable;
    guint timer;
    unsigned page;
    bool busy; /* a request is under way */
    bool reachable;
    char *problem; /* "" when reachable */
    bool ever_asked;
    GHashTable *present; /* ids of streams, of the list that is being read */
    GHashTable *missed;  /* ids of streams that were not in the list before */
};

static void request_page(struct reconcile *reconcile);

static void note_problem(struct reconcile *reconcile, const char *problem)
{
    /* Once per loss and once per return. */
    if (*problem != '\0' && (reconcile->reachable || !reconcile->ever_asked))
        dub_log_warn("router: %s; trying again every %d s", problem, RECONCILE_INTERVAL_MS / 1000);
    if (*problem == '\0' && !reconcile->reachable)
        dub_log_info("router: Control API at %s answers", reconcile->shown_url);
    reconcile->ever_asked = true;
    reconcile->reachable = *problem == '\0';
    char *copy = g_strdup(problem);
    g_free(reconcile->problem);
    reconcile->problem = copy;
}

static const char *source_id_of(JsonObject *item)
{
    JsonNode *node = json_object_get_member(item, "source");
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return "";
    node = json_object_get_member(json_node_get_object(node), "id");
    return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : "";
}

/* Later releases of MediaMTX call it "available". */
static bool is_ready(JsonObject *item)
{
    static const char *const names[] = {"ready", "available"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        JsonNode *node = json_object_get_member(item, names[i]);
        if (node != NULL && json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node))
            return true;
    }
    return false;
}

/* At once, page by page: a hundred streams that are started hold hooks up for less long than all of them. */
static void see(struct reconcile *reconcile, const char *id, const char *source_id)
{
    struct dub_error error = {0};
    if (!registry_publisher_seen(reconcile->registry, id, source_id, &error))
        dub_log(DUB_LOG_DEBUG, &(struct dub_log_context){.stream_id = id}, "not started: %s", error.message);
}

static void take_item(JsonArray *items, guint index, JsonNode *node, void *user)
{
    struct reconcile *reconcile = user;
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return;
    JsonObject *item = json_node_get_object(node);
    JsonNode *name = json_object_get_member(item, "name");
    if (name == NULL || json_node_get_value_type(name) != G_TYPE_STRING || !is_ready(item))
        return;
    char *id = dub_stream_id_from_path(json_node_get_string(name));
    if (id == NULL)
        return;
    see(reconcile, id, source_id_of(item));
    g_hash_table_add(reconcile->present, id);
}

/* The number of pages; 0 with a problem noted when it is not a list of paths. */
static int64_t take_page(struct reconcile *reconcile, GBytes *body)
{
    gsize size = 0;
    const char *text = g_bytes_get_data(body, &size);
    struct dub_error error = {0};
    bool failed = false;
    g_autoptr(JsonNode) node = dub_json_parse(text != NULL ? text : "", size, &error);
    int64_t pages = 0;
    if (node != NULL) {
        struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_PROTOCOL, &failed, &error);
        pages = dub_json_read_int_or(&reader, "pageCount", 0, INT32_MAX, 1);
        JsonNode *items = failed ? NULL : json_object_get_member(reader.object, "items");
        if (items != NULL && JSON_NODE_HOLDS_ARRAY(items)) {
            json_array_foreach_element(json_node_get_array(items), take_item, reconcile);
            return MAX(pages, 1);
        }
        if (!failed)
            dub_error_set(&error, DUB_ERROR_PROTOCOL, "items: must be a list");
    }
    g_autofree char *problem = g_strdup_printf("%s/v3/paths/list: %s", reconcile->shown_url, error.message);
    note_problem(reconcile, problem);
    return 0;
}

static void miss_absent(struct reconcile *reconcile)
{
    g_autoptr(GList) streams = registry_list(reconcile->registry);
    g_autoptr(GHashTable) missed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (GList *item = streams; item != NULL; item = item->next) {
        const char *id = ((const struct stream *)item->data)->id;
        if (g_hash_table_contains(reconcile->present, id))
            continue;
        g_hash_table_add(missed, g_strdup(id));
        if (g_hash_table_contains(reconcile->missed, id))
            registry_publisher_missing(reconcile->registry, id);
    }
    g_hash_table_unref(reconcile->missed);
    reconcile->missed = g_steal_pointer(&missed);
}

static void take_answer(struct reconcile *reconcile, SoupMessage *message, GBytes *body)
{
    if (soup_message_get_status(message) != SOUP_STATUS_OK) {
        g_autofree char *problem =
            g_strdup_printf("%s/v3/paths/list answers %u %s", reconcile->shown_url,
                            soup_message_get_status(message), soup_message_get_reason_phrase(message));
        note_problem(reconcile, problem);
        return;
    }
    int64_t pages = take_page(reconcile, body);
    if (pages == 0)
        return;
    if (++reconcile->page < pages && reconcile->page < PAGES_MAX) {
        request_page(reconcile);
        return;
    }
    note_problem(reconcile, "");
    miss_absent(reconcile);
}

static void on_answer(GObject *source, GAsyncResult *result, void *user)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) body = soup_session_send_and_read_finish(SOUP_SESSION(source), result, &error);
    /* Cancelled: user is gone. */
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    struct reconcile *reconcile = user;
    reconcile->busy = false;
    if (body != NULL && g_bytes_get_size(body) <= ANSWER_MAX_BYTES) {
        take_answer(reconcile, soup_session_get_async_result_message(SOUP_SESSION(source), result), body);
        return;
    }
    g_autofree char *problem = g_strdup_printf("Control API at %s: %s", reconcile->shown_url,
                                               error != NULL ? error->message : "the answer is too large");
    note_problem(reconcile, problem);
}

static void request_page(struct reconcile *reconcile)
{
    g_autofree char *url = g_strdup_printf("%s/v3/paths/list?itemsPerPage=%d&page=%u", reconcile->api_url,
                                           ITEMS_PER_PAGE, reconcile->page);
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    if (message == NULL) {
        g_autofree char *problem = g_strdup_printf("MEDIAMTX_API_URL is not a URL: %s", reconcile->shown_url);
        note_problem(reconcile, problem);
        return;
    }
    reconcile->busy = true;
    soup_session_send_and_read_async(reconcile->session, message, G_PRIORITY_DEFAULT, reconcile->cancellable,
                                     on_answer, reconcile);
}

static gboolean on_timer(void *user)
{
    struct reconcile *reconcile = user;
    if (reconcile->busy)
        return G_SOURCE_CONTINUE;
    reconcile->page = 0;
    g_hash_table_remove_all(reconcile->present);
    request_page(reconcile);
    return G_SOURCE_CONTINUE;
}

struct reconcile *reconcile_new(const char *api_url, struct registry *registry)
{
    struct reconcile *reconcile = g_new0(struct reconcile, 1);
    reconcile->api_url = g_strdup(api_url);
    reconcile->shown_url = dub_url_mask(api_url);
    reconcile->registry = registry;
    reconcile->session = soup_session_new_with_options("timeout", TIMEOUT_S, NULL);
    /* The router is a neighbour: a proxy of the environment is not for it. */
    soup_session_set_proxy_resolver(reconcile->session, NULL);
    reconcile->cancellable = g_cancellable_new();
    reconcile->problem = g_strdup("not asked yet");
    reconcile->present = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    reconcile->missed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    reconcile->timer = g_timeout_add(RECONCILE_INTERVAL_MS, on_timer, reconcile);
    on_timer(reconcile);
    return reconcile;
}

void reconcile_free(struct reconcile *reconcile)
{
    if (reconcile == NULL)
        return;
    g_source_remove(reconcile->timer);
    g_cancellable_cancel(reconcile->cancellable);
    g_object_unref(reconcile->cancellable);
    g_object_unref(reconcile->session);
    g_hash_table_unref(reconcile->present);
    g_hash_table_unref(reconcile->missed);
    g_free(reconcile->api_url);
    g_free(reconcile->shown_url);
    g_free(reconcile->problem);
    g_free(reconcile);
}

bool reconcile_router_is_reachable(const struct reconcile *reconcile)
{
    return reconcile->reachable;
}

const char *reconcile_problem(const struct reconcile *reconcile)
{
    return reconcile->problem;
}
