// SPDX-License-Identifier: GPL-3.0-or-later
// The reference server for our client: writes its URL, then what it hears, as lines of JSON. It says "bye" on a
// namespace once both acknowledgements are through and its own question is answered. The token of a client says what
// becomes of it.
"use strict";
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const MAX_PAYLOAD = 50 * 1024 * 1024; // of our client

const http = createServer();
const io = new Server(http, { pingInterval: 200, pingTimeout: 2000, perMessageDeflate: { threshold: 0 } });

const treatments = {
    secret: () => {},
    kick: (socket) => socket.disconnect(), // of this namespace
    cut: (socket) => socket.disconnect(true), // of the connection
    huge: (socket) => socket.emit("huge", "x".repeat(MAX_PAYLOAD)),
};

function say(...what) {
    console.log(JSON.stringify(what, (_, value) =>
        typeof value === "string" && value.length > 1000 ? `<${value.length}>` : value));
}

function serve(space) {
    io.of(space).use((socket, next) => {
        const known = socket.handshake.auth.token in treatments;
        next(known ? undefined : Object.assign(new Error("AUTH_FAILED"), { data: { code: "E1" } }));
    });
    io.of(space).on("connection", (socket) => {
        let asked = 0;
        say(space, "connect", socket.handshake.headers["x-stream-id"]);
        socket.on("message", (...args) => {
            say(space, "message", ...args);
            socket.emit("message-back", ...args);
        });
        socket.on("ask", (...args) => {
            say(space, "ask", ...args.slice(0, -1));
            args.at(-1)(...args.slice(0, -1));
            if (++asked === 2)
                setTimeout(() => socket.emit("question", Buffer.from([7]), (answer) => {
                    say(space, "answer", answer);
                    socket.emit("bye");
                }), 700); // a few heartbeats
        });
        socket.on("disconnect", (reason) => say(space, "disconnect", reason));
        treatments[socket.handshake.auth.token](socket);
    });
}

serve("/");
serve("/custom");
http.listen(0, "127.0.0.1", () => say(`http://127.0.0.1:${http.address().port}`));
