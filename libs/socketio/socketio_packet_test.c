/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_socketio.h"
#include "socketio_packet.h"

#include <dubbing_json.h>
#include <string.h>

#define MAX_BYTES 1000

static void decode(const char *text, struct sio_packet *packet)
{
    struct dub_error error = {0};
    bool ok = sio_packet_decode(text, strlen(text), packet, &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_true(ok);
}

static void assert_packet(const char *text, enum sio_packet_type type, const char *space, int64_t id,
                          const char *data)
{
    struct sio_packet packet;
    decode(text, &packet);
    g_autofree char *json = packet.data != NULL ? dub_json_to_string(packet.data) : NULL;
    g_assert_cmpint(packet.type, ==, type);
    g_assert_cmpstr(packet.space, ==, space);
    g_assert_cmpint(packet.id, ==, id);
    g_assert_cmpstr(json, ==, data);
    sio_packet_clear(&packet);
}

static void test_packets_of_every_type(void)
{
    assert_packet("0", SIO_CONNECT, "/", -1, NULL);
    assert_packet("0{\"token\":\"123\"}", SIO_CONNECT, "/", -1, "{\"token\":\"123\"}");
    assert_packet("0/custom", SIO_CONNECT, "/custom", -1, NULL);
    assert_packet("0/custom,", SIO_CONNECT, "/custom", -1, NULL);
    assert_packet("0/custom,{\"a\":1}", SIO_CONNECT, "/custom", -1, "{\"a\":1}");
    assert_packet("1", SIO_DISCONNECT, "/", -1, NULL);
    assert_packet("1/custom,", SIO_DISCONNECT, "/custom", -1, NULL);
    assert_packet("2[\"hey\"]", SIO_EVENT, "/", -1, "[\"hey\"]");
    assert_packet("212[\"hey\",1]", SIO_EVENT, "/", 12, "[\"hey\",1]");
    assert_packet("2/custom,12[\"hey\",1]", SIO_EVENT, "/custom", 12, "[\"hey\",1]");
    assert_packet("20[\"hey\"]", SIO_EVENT, "/", 0, "[\"hey\"]");
    assert_packet("3456[]", SIO_ACK, "/", 456, "[]");
    assert_packet("3/custom,456[\"x\"]", SIO_ACK, "/custom", 456, "[\"x\"]");
    assert_packet("4{\"message\":\"no\"}", SIO_CONNECT_ERROR, "/", -1, "{\"message\":\"no\"}");
    assert_packet("4\"no\"", SIO_CONNECT_ERROR, "/", -1, "\"no\"");
    assert_packet("4/custom,{}", SIO_CONNECT_ERROR, "/custom", -1, "{}");
    assert_packet("50-[\"hey\"]", SIO_BINARY_EVENT, "/", -1, "[\"hey\"]");
    assert_packet("51-/custom,7[\"hey\",{\"_placeholder\":true,\"num\":0}]", SIO_BINARY_EVENT, "/custom", 7,
                  "[\"hey\",{\"_placeholder\":true,\"num\":0}]");
    assert_packet("61-7[{\"_placeholder\":true,\"num\":0}]", SIO_BINARY_ACK, "/", 7,
                  "[{\"_placeholder\":true,\"num\":0}]");
    assert_packet("2/ünïcode,[\"x\"]", SIO_EVENT, "/ünïcode", -1, "[\"x\"]");
    assert_packet("29007199254740991[\"x\"]", SIO_EVENT, "/", SIO_ID_MAX, "[\"x\"]");
}

/* Everything that a peer must lose its connection for. */
static const char *const broken[] = {
    /* types */
    "",
    "x",
    "7",
    "9[\"x\"]",
    "-1",
    "/",
    " 2[\"x\"]",
    /* events */
    "2",
    "2{}",
    "2[]",
    "2[1]",
    "2[null]",
    "2[[\"x\"]]",
    "2[true]",
    "2\"x\"",
    "2[\"x\"]x",
    "2[\"x\"",
    "2[\"x\",]",
    "2['x']",
    "2abc[\"x\"]",
    "2-1[\"x\"]",
    "21.5[\"x\"]",
    "2/custom[\"x\"]",
    "2/custom,",
    "2,[\"x\"]",
    "29007199254740992[\"x\"]",
    "299999999999999999999999999[\"x\"]",
    "2[\"\xff\xfe\"]",
    "2[\"x\",NaN]",
    "2[\"x\",// comment\n1]",
    "2/\xff,[\"x\"]",
    /* acknowledgements */
    "3",
    "3[]",
    "3456",
    "3456{}",
    "3456\"x\"",
    /* control packets */
    "0[]",
    "0\"x\"",
    "0{",
    "07{}",
    "01",
    "1{}",
    "1[]",
    "11",
    "4[]",
    "47{}",
    "4true",
    /* binary */
    "5",
    "5[\"x\"]",
    "5-[\"x\"]",
    "5x-[\"x\"]",
    "5-1-[\"x\"]",
    "565-[\"x\"]",
    "599999999999-[\"x\"]",
    "51[\"x\"]",
    "51-[\"x\"]",
    "51-",
    "50-[\"x\",{\"_placeholder\":true,\"num\":0}]",
    "51-[\"x\",{\"_placeholder\":true,\"num\":1}]",
    "51-[\"x\",{\"_placeholder\":true,\"num\":-1}]",
    "51-[\"x\",{\"_placeholder\":true,\"num\":0.5}]",
    "51-[\"x\",{\"_placeholder\":true,\"num\":\"0\"}]",
    "51-[\"x\",{\"_placeholder\":true}]",
    "52-[\"x\",{\"_placeholder\":true,\"num\":0}]",
    "52-[\"x\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]",
    "51-[\"x\",{\"_placeholder\":false,\"num\":0}]",
    "51-[\"x\",{\"_placeholder\":1,\"num\":0}]",
    "51-[\"connect\",{\"_placeholder\":true,\"num\":0}]",
    "6",
    "61-[]",
    "60-[]",
    "61-7{}",
};

static void test_broken_packets_are_refused(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(broken); i++) {
        struct sio_packet packet;
        struct dub_error error = {0};
        g_autofree char *shown = g_strescape(broken[i], NULL);
        g_test_message("%s", shown);
        g_assert_false(sio_packet_decode(broken[i], strlen(broken[i]), &packet, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_PROTOCOL);
        g_assert_cmpstr(error.message, !=, "");
        g_assert_null(packet.data);
        g_assert_null(packet.attachments);
    }
}

static void test_reserved_names_are_refused(void)
{
    const char *const names[] = {"connect",       "connect_error", "disconnect",
                                 "disconnecting", "newListener",   "removeListener"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *text = g_strdup_printf("2[\"%s\"]", names[i]);
        struct sio_packet packet;
        g_assert_true(sio_event_name_is_reserved(names[i]));
        g_assert_false(sio_packet_decode(text, strlen(text), &packet, NULL));
    }
    g_assert_false(sio_event_name_is_reserved("connected"));
    g_assert_false(sio_event_name_is_reserved(""));
}

/* A packet that is cut anywhere is broken, except where what is left is a packet by itself. */
static void test_cut_packets_never_crash(void)
{
    const char text[] = "52-/custom,7[\"x\",{\"a\":[{\"_placeholder\":true,\"num\":0}]},"
                        "{\"_placeholder\":true,\"num\":1}]";
    for (gsize size = 0; size < strlen(text); size++) {
        g_autofree char *cut = g_memdup2(text, size + 1);
        struct sio_packet packet;
        g_assert_false(sio_packet_decode(cut, size, &packet, NULL));
    }
    assert_packet(text, SIO_BINARY_EVENT, "/custom", 7, strchr(text, '['));
}

static void test_two_packets_in_one_are_refused(void)
{
    const char *const texts[] = {"2[\"x\"]2[\"y\"]", "0{}0{}", "3[]4{}", "0/a,0/b,"};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct sio_packet packet;
        g_assert_false(sio_packet_decode(texts[i], strlen(texts[i]), &packet, NULL));
    }
}

static void test_absurd_nesting_is_refused(void)
{
    g_autoptr(GString) text = g_string_new("2[\"x\",");
    for (int i = 0; i < 100000; i++)
        g_string_append_c(text, '[');
    for (int i = 0; i < 100000; i++)
        g_string_append_c(text, ']');
    g_string_append_c(text, ']');
    struct sio_packet packet;
    struct dub_error error = {0};
    g_assert_false(sio_packet_decode(text->str, text->len, &packet, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_PROTOCOL);
}

static void test_long_namespaces_are_refused(void)
{
    g_autofree char *name = g_strnfill(SIO_NAMESPACE_MAX - 1, 'n');
    g_autofree char *longest = g_strdup_printf("2/%s,[\"x\"]", name);
    g_autofree char *longer = g_strdup_printf("2/%sn,[\"x\"]", name);
    struct sio_packet packet;
    decode(longest, &packet);
    g_assert_cmpuint(strlen(packet.space), ==, SIO_NAMESPACE_MAX);
    sio_packet_clear(&packet);
    g_assert_false(sio_packet_decode(longer, strlen(longer), &packet, NULL));
}

static void test_text_is_not_read_beyond_its_size(void)
{
    const char text[] = "2[\"x\"]garbage";
    struct sio_packet packet;
    g_assert_true(sio_packet_decode(text, 6, &packet, NULL));
    sio_packet_clear(&packet);
    g_assert_false(sio_packet_decode("2[\"x\"]\0", 7, &packet, NULL));
    g_assert_false(sio_packet_decode("2/a\0b,[\"x\"]", 11, &packet, NULL));
}

static enum sio_decoded feed(struct sio_decoder *decoder, const char *text, struct sio_packet *packet)
{
    return sio_decoder_text(decoder, text, strlen(text), packet, NULL);
}

static enum sio_decoded feed_bytes(struct sio_decoder *decoder, gsize size, struct sio_packet *packet)
{
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_malloc0(size), size);
    return sio_decoder_binary(decoder, bytes, packet, NULL);
}

#define TWO_ATTACHMENTS "52-[\"x\",{\"_placeholder\":true,\"num\":1},[{\"_placeholder\":true,\"num\":0}]]"

static void test_decoder_collects_attachments(void)
{
    struct sio_decoder decoder;
    struct sio_packet packet = {0};
    sio_decoder_init(&decoder, MAX_BYTES);
    g_assert_cmpint(feed(&decoder, TWO_ATTACHMENTS, &packet), ==, SIO_INCOMPLETE);
    g_assert_cmpint(feed_bytes(&decoder, 3, &packet), ==, SIO_INCOMPLETE);
    g_assert_cmpint(feed_bytes(&decoder, 0, &packet), ==, SIO_COMPLETE);
    g_assert_cmpuint(packet.attachments->len, ==, 2);
    JsonArray *array = json_node_get_array(packet.data);
    GBytes *second = dub_sio_attachment(json_array_get_element(array, 1), packet.attachments);
    g_assert_cmpuint(g_bytes_get_size(second), ==, 0);
    g_assert_null(dub_sio_attachment(json_array_get_element(array, 0), packet.attachments));
    g_assert_null(dub_sio_attachment(json_array_get_element(array, 1), NULL));
    sio_packet_clear(&packet);
    g_assert_cmpint(feed(&decoder, "50-[\"x\"]", &packet), ==, SIO_COMPLETE);
    sio_packet_clear(&packet);
    g_assert_cmpint(feed(&decoder, "2[\"x\"]", &packet), ==, SIO_COMPLETE);
    sio_packet_clear(&packet);
    sio_decoder_clear(&decoder);
}

static void test_decoder_refuses_what_does_not_follow(void)
{
    struct sio_decoder decoder;
    struct sio_packet packet = {0};
    sio_decoder_init(&decoder, MAX_BYTES);
    g_assert_cmpint(feed_bytes(&decoder, 1, &packet), ==, SIO_BROKEN);
    g_assert_cmpint(feed(&decoder, TWO_ATTACHMENTS, &packet), ==, SIO_INCOMPLETE);
    g_assert_cmpint(feed(&decoder, "2[\"x\"]", &packet), ==, SIO_BROKEN);
    sio_decoder_clear(&decoder);
    g_assert_cmpint(feed(&decoder, "2[", &packet), ==, SIO_BROKEN);
    sio_decoder_clear(&decoder);
}

static void test_decoder_bounds_the_sum(void)
{
    struct sio_decoder decoder;
    struct sio_packet packet = {0};
    gsize left = MAX_BYTES - strlen(TWO_ATTACHMENTS);
    sio_decoder_init(&decoder, MAX_BYTES);
    g_assert_cmpint(feed(&decoder, TWO_ATTACHMENTS, &packet), ==, SIO_INCOMPLETE);
    g_assert_cmpint(feed_bytes(&decoder, left - 1, &packet), ==, SIO_INCOMPLETE);
    g_assert_cmpint(feed_bytes(&decoder, 2, &packet), ==, SIO_BROKEN);
    sio_decoder_clear(&decoder);
    g_assert_cmpint(feed(&decoder, TWO_ATTACHMENTS, &packet), ==, SIO_INCOMPLETE);
    g_assert_cmpint(feed_bytes(&decoder, left - 1, &packet), ==, SIO_INCOMPLETE);
    g_assert_cmpint(feed_bytes(&decoder, 1, &packet), ==, SIO_COMPLETE);
    sio_packet_clear(&packet);
    g_autofree char *large = g_strnfill(MAX_BYTES + 1, ' ');
    g_assert_cmpint(feed(&decoder, large, &packet), ==, SIO_BROKEN);
    sio_decoder_clear(&decoder);
}

static void test_64_attachments_are_the_most(void)
{
    g_autoptr(GPtrArray) attachments = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(JsonArray) args = json_array_new();
    g_autoptr(GBytes) bytes = g_bytes_new_static("x", 1);
    for (int i = 0; i < DUB_SIO_MAX_ATTACHMENTS; i++)
        json_array_add_element(args, dub_sio_attach(attachments, bytes));
    g_autoptr(GString) text = g_string_new(NULL);
    sio_encode_event(text, "/", "many", SIO_NO_ID, args, attachments->len);
    g_assert_true(g_str_has_prefix(text->str, "564-[\"many\",{\"_placeholder\":true,\"num\":0},"));
    struct sio_packet packet;
    decode(text->str, &packet);
    g_assert_cmpuint(packet.n_attachments, ==, 64);
    sio_packet_clear(&packet);
}

static void assert_encoded(GString *text, const char *expected)
{
    g_assert_cmpstr(text->str, ==, expected);
    g_string_truncate(text, 0);
}

static void test_encoding(void)
{
    struct dub_error error = {0};
    static const char json[] = "[1,\"2\",{\"3\":[true]}]";
    g_autoptr(JsonNode) args = dub_json_parse(json, strlen(json), &error);
    g_autoptr(JsonNode) object = dub_json_parse("{}", 2, &error);
    g_autoptr(GString) text = g_string_new(NULL);
    JsonArray *array = json_node_get_array(args);
    sio_encode_control(text, SIO_CONNECT, "/", NULL);
    assert_encoded(text, "0");
    sio_encode_control(text, SIO_CONNECT, "/custom", object);
    assert_encoded(text, "0/custom,{}");
    sio_encode_control(text, SIO_DISCONNECT, "/custom", NULL);
    assert_encoded(text, "1/custom,");
    sio_encode_event(text, "/", "message", SIO_NO_ID, array, 0);
    assert_encoded(text, "2[\"message\",1,\"2\",{\"3\":[true]}]");
    sio_encode_event(text, "/custom", "quo\"te\n", 7, NULL, 0);
    assert_encoded(text, "2/custom,7[\"quo\\\"te\\n\"]");
    sio_encode_event(text, "/", NULL, 7, array, 0);
    assert_encoded(text, "37[1,\"2\",{\"3\":[true]}]");
    sio_encode_event(text, "/", NULL, 7, NULL, 0);
    assert_encoded(text, "37[]");
    sio_encode_event(text, "/", "x", SIO_NO_ID, NULL, 2);
    assert_encoded(text, "52-[\"x\"]");
    sio_encode_event(text, "/custom", NULL, 3, NULL, 1);
    assert_encoded(text, "61-/custom,3[]");
}

static void test_event_arguments_by_index(void)
{
    struct sio_packet packet;
    decode("2[\"x\",{\"a\":1}]", &packet);
    struct dub_sio_event event = {.name = "x", .args = json_node_get_array(packet.data)};
    g_assert_null(dub_sio_event_object(&event, 0));
    g_assert_nonnull(dub_sio_event_object(&event, 1));
    g_assert_null(dub_sio_event_object(&event, 2));
    sio_packet_clear(&packet);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/socketio-packet/packets-of-every-type", test_packets_of_every_type);
    g_test_add_func("/socketio-packet/broken-packets-are-refused", test_broken_packets_are_refused);
    g_test_add_func("/socketio-packet/reserved-names-are-refused", test_reserved_names_are_refused);
    g_test_add_func("/socketio-packet/cut-packets-never-crash", test_cut_packets_never_crash);
    g_test_add_func("/socketio-packet/two-packets-in-one-are-refused", test_two_packets_in_one_are_refused);
    g_test_add_func("/socketio-packet/absurd-nesting-is-refused", test_absurd_nesting_is_refused);
    g_test_add_func("/socketio-packet/long-namespaces-are-refused", test_long_namespaces_are_refused);
    g_test_add_func("/socketio-packet/text-is-not-read-beyond-its-size",
                    test_text_is_not_read_beyond_its_size);
    g_test_add_func("/socketio-packet/decoder-collects-attachments", test_decoder_collects_attachments);
    g_test_add_func("/socketio-packet/decoder-refuses-what-does-not-follow",
                    test_decoder_refuses_what_does_not_follow);
    g_test_add_func("/socketio-packet/decoder-bounds-the-sum", test_decoder_bounds_the_sum);
    g_test_add_func("/socketio-packet/64-attachments-are-the-most", test_64_attachments_are_the_most);
    g_test_add_func("/socketio-packet/encoding", test_encoding);
    g_test_add_func("/socketio-packet/event-arguments-by-index", test_event_arguments_by_index);
    return g_test_run();
}
