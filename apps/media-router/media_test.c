/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media.h"

#include <string.h>

static void note(gpointer user)
{
    *(bool *)user = true;
}

/* The last reference, and only that, lets the bytes go. */
static void test_references(void)
{
    bool freed = false;
    GBytes *payload = g_bytes_new_with_free_func("abc", 3, note, &freed);
    struct media_message *message = media_message_new(MEDIA_AUDIO, 5, payload);
    g_assert_cmpuint(message->size, ==, 3);
    g_assert_false(message->is_config || message->is_key);
    g_assert_true(media_message_ref(message) == message);
    media_message_unref(message);
    g_assert_false(freed);
    media_message_unref(message);
    g_assert_true(freed);
    media_message_unref(NULL);
}

/* The memory is the message's; the payload stays where it is. */
static void test_one_piece_of_memory(void)
{
    const uint64_t before = media_held_bytes();
    static const uint8_t payload[] = {1, 2, 3};
    uint8_t *memory = g_malloc(MEDIA_FRONT_BYTES + sizeof payload);
    memcpy(memory + MEDIA_FRONT_BYTES, payload, sizeof payload);
    struct media_message *message = media_message_adopt(MEDIA_VIDEO, 7, memory, sizeof payload);
    g_assert_true((uint8_t *)message == memory && message->data == memory + MEDIA_FRONT_BYTES);
    g_assert_true(message->size == sizeof payload && memcmp(message->data, payload, sizeof payload) == 0);
    g_assert_cmpint(message->kind, ==, MEDIA_VIDEO);
    g_assert_cmpint(message->dts_ns, ==, 7);
    g_assert_cmpuint(media_held_bytes(), ==, before + sizeof payload + MEDIA_MESSAGE_OVERHEAD_BYTES);
    media_message_unref(message);
    g_assert_cmpuint(media_held_bytes(), ==, before);
}

static void test_what_is_held(void)
{
    const uint64_t before = media_held_bytes();
    struct media_message *message = media_message_new(MEDIA_VIDEO, 5, g_bytes_new_static("abcd", 4));
    g_assert_cmpuint(media_held_bytes(), ==, before + 4 + MEDIA_MESSAGE_OVERHEAD_BYTES);
    media_message_ref(message);
    media_message_set_rendition(message, g_strdup("x"), 10, g_free);
    media_message_set_rendition(message, g_strdup("y"), 30, g_free);
    media_message_unref(message);
    g_assert_cmpuint(media_held_bytes(), ==, before + 34 + MEDIA_MESSAGE_OVERHEAD_BYTES);
    media_message_unref(message);
    g_assert_cmpuint(media_held_bytes(), ==, before);
    media_note_held(50);
    media_note_held(-50);
    g_assert_cmpuint(media_held_bytes(), ==, before);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/media/last-reference-frees", test_references);
    g_test_add_func("/media/one-piece-of-memory", test_one_piece_of_memory);
    g_test_add_func("/media/what-is-held", test_what_is_held);
    return g_test_run();
}
