/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor under control_plane.py: an HTTP server on the library that media-service is built on, which reads
 * a hook and answers 202 with a body of the same size, and does nothing else. It prints its port and serves
 * until SIGTERM. */
#include <glib-unix.h>
#include <libsoup/soup.h>
#include <stdio.h>
#include <sys/socket.h>

#define BACKLOG 1024

static const char answer[] = "{\"eventId\":\"00000000-0000-4000-8000-000000000000\",\"streamId\":\"s000\","
                             "\"runId\":\"20260101T000000000Z-00000000\"}";

static void on_hook(SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query,
                    void *user)
{
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
    soup_message_headers_replace(headers, "Connection", "close");
    soup_server_message_set_status(message, SOUP_STATUS_ACCEPTED, NULL);
    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_STATIC, answer,
                                     sizeof(answer) - 1);
}

static gboolean on_stop(void *user)
{
    g_main_loop_quit(user);
    return G_SOURCE_REMOVE;
}

int main(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SoupServer) server = soup_server_new(NULL, NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    soup_server_add_handler(server, NULL, on_hook, NULL, NULL);
    if (!soup_server_listen_local(server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error)) {
        g_printerr("hook-floor: %s\n", error->message);
        return 1;
    }
    /* As in our server: GLib's ten are too few for hooks that come together. */
    g_autoptr(GSList) sockets = soup_server_get_listeners(server);
    (void)listen(g_socket_get_fd(sockets->data), BACKLOG);
    GSList *uris = soup_server_get_uris(server);
    printf("%d\n", g_uri_get_port(uris->data));
    fflush(stdout);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    g_unix_signal_add(SIGTERM, on_stop, loop);
    g_main_loop_run(loop);
    return 0;
}
