// SPDX-License-Identifier: GPL-3.0-or-later
// The reference of sts_echo.py: the reference Socket.IO server, answering fragments as the echo mode of sts-service
// does. Writes its URL.
"use strict";
const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const path = require("node:path");

const installed = createRequire(path.join(__dirname, "../libs/socketio/tests/interop/package.json"));
const { Server } = installed("socket.io");

const http = createServer();
const io = new Server(http, {
    transports: ["websocket"], pingInterval: 25000, pingTimeout: 10000, maxHttpBufferSize: 50 * 1024 * 1024,
});

io.on("connection", (socket) => {
    socket.on("stream:init", ({ stream_id, max_inflight = 3 }) =>
        socket.emit("stream:ready", { stream_id, session_id: socket.id, max_inflight, capabilities: {} }));
    socket.on("fragment:data", ({ fragment_id, stream_id, sequence_number, audio }) => {
        socket.emit("fragment:ack", {
            fragment_id, status: "queued", timestamp: Date.now(), queue_position: 0, estimated_completion_ms: 0,
        });
        socket.emit("fragment:processed", {
            fragment_id, stream_id, sequence_number, status: "success", dubbed_audio: audio, transcript: "",
            translated_text: "", processing_time_ms: 0, stage_timings: { asr_ms: 0, translation_ms: 0, tts_ms: 0 },
            metadata: {
                original_duration_ms: audio.duration_ms, dubbed_duration_ms: audio.duration_ms,
                duration_variance_percent: 0, speed_ratio: 1,
            },
        });
    });
});

http.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}`));
