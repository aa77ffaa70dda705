/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Socket.IO packets. A peer that sends anything which is not exactly a packet is told nothing but loses its
 * connection, so every check here ends in a message for our own log. */
#include "socketio_packet.h"

#include "dubbing_socketio.h"

#include <dubbing_json.h>
#include <string.h>

/* What is left of the text while it is taken apart. */
struct cursor {
    const char *at;
    const char *end;
};

static const char *const reserved_names[] = {"connect",       "connect_error", "disconnect",
                                             "disconnecting", "newListener",   "removeListener"};

bool sio_event_name_is_reserved(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(reserved_names); i++) {
        if (strcmp(name, reserved_names[i]) == 0)
            return true;
    }
    return false;
}

void sio_packet_clear(struct sio_packet *packet)
{
    g_clear_pointer(&packet->data, json_node_unref);
    g_clear_pointer(&packet->attachments, g_ptr_array_unref);
    *packet = (struct sio_packet){.id = SIO_NO_ID};
}

static bool is_binary(enum sio_packet_type type)
{
    return type == SIO_BINARY_EVENT || type == SIO_BINARY_ACK;
}

static bool take_type(struct cursor *cursor, struct sio_packet *packet, struct dub_error *error)
{
    if (cursor->at == cursor->end)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an empty Socket.IO packet");
    int type = *cursor->at++ - '0';
    if (type < SIO_CONNECT || type > SIO_BINARY_ACK)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "unknown Socket.IO packet type 0x%02x",
                             (unsigned char)cursor->at[-1]);
    packet->type = (enum sio_packet_type)type;
    return true;
}

/* Digits up to max; -1 when there are none or the number is larger. */
static int64_t take_number(struct cursor *cursor, int64_t max)
{
    int64_t value = -1;
    while (cursor->at < cursor->end && g_ascii_isdigit(*cursor->at)) {
        value = (value < 0 ? 0 : value) * 10 + (*cursor->at++ - '0');
        if (value > max)
            return -1;
    }
    return value;
}

static bool take_attachment_count(struct cursor *cursor, struct sio_packet *packet, struct dub_error *error)
{
    if (!is_binary(packet->type))
        return true;
    int64_t count = take_number(cursor, DUB_SIO_MAX_ATTACHMENTS);
    if (count < 0 || cursor->at == cursor->end || *cursor->at != '-')
        return dub_error_set(error, DUB_ERROR_PROTOCOL,
                             "a binary packet without a count of attachments from 0 to %d",
                             DUB_SIO_MAX_ATTACHMENTS);
    cursor->at++;
    packet->n_attachments = (unsigned)count;
    return true;
}

static bool take_namespace(struct cursor *cursor, struct sio_packet *packet, struct dub_error *error)
{
    if (cursor->at == cursor->end || *cursor->at != '/') {
        g_strlcpy(packet->space, "/", sizeof packet->space);
        return true;
    }
    gsize left = (gsize)(cursor->end - cursor->at);
    const char *comma = memchr(cursor->at, ',', MIN(left, SIO_NAMESPACE_MAX + 1));
    gsize size = comma != NULL ? (gsize)(comma - cursor->at) : left;
    if (size > SIO_NAMESPACE_MAX)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a namespace of more than %d bytes",
                             SIO_NAMESPACE_MAX);
    if (!g_utf8_validate(cursor->at, (gssize)size, NULL))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a namespace that is not UTF-8");
    memcpy(packet->space, cursor->at, size);
    packet->space[size] = '\0';
    cursor->at += comma != NULL ? size + 1 : size;
    return true;
}

static bool take_id(struct cursor *cursor, struct sio_packet *packet, struct dub_error *error)
{
    packet->id = SIO_NO_ID;
    if (cursor->at == cursor->end || !g_ascii_isdigit(*cursor->at))
        return true;
    packet->id = take_number(cursor, SIO_ID_MAX);
    if (packet->id < 0)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an acknowledgement id beyond 2^53");
    return true;
}

static bool take_json(struct cursor *cursor, struct sio_packet *packet, struct dub_error *error)
{
    if (cursor->at == cursor->end)
        return true;
    packet->data = dub_json_parse(cursor->at, (gsize)(cursor->end - cursor->at), error);
    if (packet->data == NULL && error != NULL)
        error->code = DUB_ERROR_PROTOCOL;
    return packet->data != NULL;
}

static bool check_event_name(JsonNode *name, struct dub_error *error)
{
    if (!JSON_NODE_HOLDS_VALUE(name) || json_node_get_value_type(name) != G_TYPE_STRING)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an event whose name is not a string");
    if (sio_event_name_is_reserved(json_node_get_string(name)))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "the reserved event name \"%s\"",
                             json_node_get_string(name));
    return true;
}

static bool check_event(const struct sio_packet *packet, struct dub_error *error)
{
    if (packet->data == NULL || !JSON_NODE_HOLDS_ARRAY(packet->data))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an event that is not a JSON array");
    JsonArray *array = json_node_get_array(packet->data);
    if (json_array_get_length(array) == 0)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an event without a name");
    return check_event_name(json_array_get_element(array, 0), error);
}

static bool check_ack(const struct sio_packet *packet, struct dub_error *error)
{
    if (packet->id == SIO_NO_ID)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an acknowledgement without an id");
    if (packet->data == NULL || !JSON_NODE_HOLDS_ARRAY(packet->data))
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an acknowledgement that is not a JSON array");
    return true;
}

static bool check_control(const struct sio_packet *packet, struct dub_error *error)
{
    if (packet->id != SIO_NO_ID)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "a control packet with an acknowledgement id");
    if (packet->data == NULL || (packet->type != SIO_DISCONNECT && JSON_NODE_HOLDS_OBJECT(packet->data)))
        return true;
    /* Some servers say their refusal as a bare string. */
    if (packet->type == SIO_CONNECT_ERROR && JSON_NODE_HOLDS_VALUE(packet->data) &&
        json_node_get_value_type(packet->data) == G_TYPE_STRING)
        return true;
    return dub_error_set(error, DUB_ERROR_PROTOCOL, "a control packet with a payload of the wrong type");
}

static bool check_shape(const struct sio_packet *packet, struct dub_error *error)
{
    switch (packet->type) {
    case SIO_EVENT:
    case SIO_BINARY_EVENT:
        return check_event(packet, error);
    case SIO_ACK:
    case SIO_BINARY_ACK:
        return check_ack(packet, error);
    case SIO_CONNECT:
    case SIO_DISCONNECT:
    case SIO_CONNECT_ERROR:
        break;
    }
    return check_control(packet, error);
}

/* The index that a placeholder names; -1 when the node is no placeholder, -2 when it is a malformed one. */
static int64_t placeholder_index(JsonNode *node)
{
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return -1;
    JsonObject *object = json_node_get_object(node);
    JsonNode *mark = json_object_get_member(object, "_placeholder");
    if (mark == NULL || !JSON_NODE_HOLDS_VALUE(mark) || json_node_get_value_type(mark) != G_TYPE_BOOLEAN ||
        !json_node_get_boolean(mark))
        return -1;
    JsonNode *num = json_object_get_member(object, "num");
    if (num == NULL || !JSON_NODE_HOLDS_VALUE(num) || json_node_get_value_type(num) != G_TYPE_INT64 ||
        json_node_get_int(num) < 0)
        return -2;
    return json_node_get_int(num);
}

/* Marks the attachments that are named below node; false for an index that does not exist. The depth of the
 * recursion is bounded by the JSON parser. */
static bool mark_placeholders(JsonNode *node, unsigned count, uint64_t *seen)
{
    int64_t index = placeholder_index(node);
    if (index == -2 || index >= (int64_t)count)
        return false;
    if (index >= 0) {
        *seen |= UINT64_C(1) << index;
        return true;
    }
    g_autoptr(GList) children = NULL;
    if (JSON_NODE_HOLDS_ARRAY(node))
        children = json_array_get_elements(json_node_get_array(node));
    else if (JSON_NODE_HOLDS_OBJECT(node))
        children = json_object_get_values(json_node_get_object(node));
    for (GList *child = children; child != NULL; child = child->next) {
        if (!mark_placeholders(child->data, count, seen))
            return false;
    }
    return true;
}

G_STATIC_ASSERT(DUB_SIO_MAX_ATTACHMENTS <= 64);

static bool check_placeholders(const struct sio_packet *packet, struct dub_error *error)
{
    if (!is_binary(packet->type))
        return true;
    uint64_t seen = 0;
    uint64_t all = packet->n_attachments == 64 ? UINT64_MAX : (UINT64_C(1) << packet->n_attachments) - 1;
    if (!mark_placeholders(packet->data, packet->n_attachments, &seen) || seen != all)
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "placeholders that do not match the %u attachments",
                             packet->n_attachments);
    return true;
}

bool sio_packet_decode(const char *text, gsize size, struct sio_packet *packet, struct dub_error *error)
{
    struct cursor cursor = {text, text + size};
    *packet = (struct sio_packet){.id = SIO_NO_ID};
    bool ok = take_type(&cursor, packet, error) && take_attachment_count(&cursor, packet, error) &&
              take_namespace(&cursor, packet, error) && take_id(&cursor, packet, error) &&
              take_json(&cursor, packet, error) && check_shape(packet, error) &&
              check_placeholders(packet, error);
    if (!ok) {
        sio_packet_clear(packet);
        return false;
    }
    if (is_binary(packet->type))
        packet->attachments = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    return true;
}

void sio_decoder_init(struct sio_decoder *decoder, gsize max_bytes)
{
    *decoder = (struct sio_decoder){.max_bytes = max_bytes, .pending = {.id = SIO_NO_ID}};
}

void sio_decoder_clear(struct sio_decoder *decoder)
{
    sio_packet_clear(&decoder->pending);
    decoder->is_pending = false;
}

static enum sio_decoded finish_if_complete(struct sio_decoder *decoder, struct sio_packet *packet)
{
    if (decoder->pending.n_attachments > 0 &&
        decoder->pending.attachments->len < decoder->pending.n_attachments) {
        decoder->is_pending = true;
        return SIO_INCOMPLETE;
    }
    *packet = decoder->pending;
    decoder->pending = (struct sio_packet){.id = SIO_NO_ID};
    decoder->is_pending = false;
    return SIO_COMPLETE;
}

enum sio_decoded sio_decoder_text(struct sio_decoder *decoder, const char *text, gsize size,
                                  struct sio_packet *packet, struct dub_error *error)
{
    if (decoder->is_pending) {
        dub_error_set(error, DUB_ERROR_PROTOCOL,
                      "a packet while %u attachments of the one before are missing",
                      decoder->pending.n_attachments - decoder->pending.attachments->len);
        return SIO_BROKEN;
    }
    if (size > decoder->max_bytes) {
        dub_error_set(error, DUB_ERROR_PROTOCOL, "a packet of %zu bytes, at most %zu are allowed", size,
                      decoder->max_bytes);
        return SIO_BROKEN;
    }
    if (!sio_packet_decode(text, size, &decoder->pending, error))
        return SIO_BROKEN;
    decoder->pending_bytes = size;
    return finish_if_complete(decoder, packet);
}

enum sio_decoded sio_decoder_binary(struct sio_decoder *decoder, GBytes *bytes, struct sio_packet *packet,
                                    struct dub_error *error)
{
    if (!decoder->is_pending) {
        dub_error_set(error, DUB_ERROR_PROTOCOL, "an attachment that no packet announced");
        return SIO_BROKEN;
    }
    if (g_bytes_get_size(bytes) > decoder->max_bytes - decoder->pending_bytes) {
        dub_error_set(error, DUB_ERROR_PROTOCOL, "a packet with attachments of more than %zu bytes",
                      decoder->max_bytes);
        return SIO_BROKEN;
    }
    decoder->pending_bytes += g_bytes_get_size(bytes);
    g_ptr_array_add(decoder->pending.attachments, g_bytes_ref(bytes));
    return finish_if_complete(decoder, packet);
}

static void append_json(GString *out, JsonNode *node)
{
    g_autofree char *text = dub_json_to_string(node);
    g_string_append(out, text);
}

static void append_head(GString *out, enum sio_packet_type type, const char *space, int64_t id,
                        unsigned n_attachments)
{
    g_string_append_c(out, (char)('0' + type));
    if (is_binary(type))
        g_string_append_printf(out, "%u-", n_attachments);
    if (strcmp(space, "/") != 0)
        g_string_append_printf(out, "%s,", space);
    if (id != SIO_NO_ID)
        g_string_append_printf(out, "%" G_GINT64_FORMAT, id);
}

void sio_encode_control(GString *out, enum sio_packet_type type, const char *space, JsonNode *data)
{
    append_head(out, type, space, SIO_NO_ID, 0);
    if (data != NULL)
        append_json(out, data);
}

static void append_event_name(GString *out, const char *event)
{
    g_autoptr(JsonNode) name = json_node_init_string(json_node_alloc(), event);
    append_json(out, name);
}

void sio_encode_event(GString *out, const char *space, const char *event, int64_t id, JsonArray *args,
                      unsigned n_attachments)
{
    enum sio_packet_type plain = event != NULL ? SIO_EVENT : SIO_ACK;
    enum sio_packet_type binary = event != NULL ? SIO_BINARY_EVENT : SIO_BINARY_ACK;
    append_head(out, n_attachments > 0 ? binary : plain, space, id, n_attachments);
    g_string_append_c(out, '[');
    if (event != NULL)
        append_event_name(out, event);
    guint n_args = args != NULL ? json_array_get_length(args) : 0;
    for (guint i = 0; i < n_args; i++) {
        if (event != NULL || i > 0)
            g_string_append_c(out, ',');
        append_json(out, json_array_get_element(args, i));
    }
    g_string_append_c(out, ']');
}

GBytes *dub_sio_attachment(JsonNode *node, GPtrArray *attachments)
{
    int64_t index = attachments != NULL ? placeholder_index(node) : -1;
    return index >= 0 && index < (int64_t)attachments->len ? attachments->pdata[index] : NULL;
}

JsonNode *dub_sio_attach(GPtrArray *attachments, GBytes *bytes)
{
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "_placeholder", TRUE);
    json_object_set_int_member(object, "num", attachments->len);
    g_ptr_array_add(attachments, g_bytes_ref(bytes));
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

JsonObject *dub_sio_event_object(const struct dub_sio_event *event, guint index)
{
    if (index >= json_array_get_length(event->args))
        return NULL;
    JsonNode *node = json_array_get_element(event->args, index);
    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}
