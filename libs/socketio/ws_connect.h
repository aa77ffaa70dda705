/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's side of a WebSocket's opening handshake (RFC 6455 section 4.1), over TCP or TLS.
 *
 * libsoup's session would hand over a finished WebSocket, whose stream can no longer be watched; what comes
 * back here is the bare stream, for counted_stream.h to go around. No extension is offered: base64 of PCM
 * hardly shrinks. Everything runs on the caller's thread-default main context. */
#pragma once

#include <gio/gio.h>

/* Of the server's answer; a longer one is refused. */
#define WS_CONNECT_HEAD_BYTES_MAX (16u * 1024)

/* uri: ws or wss. headers: name, value, name, value, ..., NULL, sent besides the handshake's own; one with a
 * line break in it is refused; NULL: none. ca: trusted besides the system's; NULL: none. All are copied or
 * referenced. */
void ws_connect_async(GUri *uri, const char *const *headers, GTlsCertificate *ca, GCancellable *cancellable,
                      GAsyncReadyCallback callback, void *user);
/* The caller owns the stream, from which nothing but the answer has been read. NULL with the error: of the
 * network, or G_IO_ERROR_INVALID_DATA saying what the server answered. */
GIOStream *ws_connect_finish(GAsyncResult *result, GError **error);
