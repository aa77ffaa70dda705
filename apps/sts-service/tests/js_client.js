// SPDX-License-Identifier: GPL-3.0-or-later
// A stream of the reference Socket.IO client: node js_client.js URL PATH TOKEN. Exits 0 when the service kept its contract,
// prints what it was refused with otherwise.
"use strict";
const assert = require("node:assert");
const { createRequire } = require("node:module");
const { randomBytes, randomUUID } = require("node:crypto");
const path = require("node:path");

const installed = createRequire(path.join(__dirname, "../../../libs/socketio/tests/interop/package.json"));
const { io } = installed("socket.io-client");

const N_FRAGMENTS = 5;
const STREAM = "js-stream";
const [url, servicePath, token] = process.argv.slice(2);

const socket = io(url, {
    path: servicePath, transports: ["websocket"], reconnection: false, auth: { token },
    extraHeaders: { "X-Stream-ID": STREAM, "X-Worker-ID": "js" },
});

function once(event) {
    return new Promise((resolve) => socket.once(event, resolve));
}

function fragment(sequence_number) {
    return {
        fragment_id: randomUUID(), stream_id: STREAM, sequence_number, timestamp: Date.now(),
        audio: {
            format: "pcm_s16le", sample_rate_hz: 24000, channels: 1, duration_ms: 1000,
            data_base64: randomBytes(48000).toString("base64"),
        },
    };
}

async function talk() {
    await once("connect");
    const ready = once("stream:ready");
    socket.emit("stream:init", {
        stream_id: STREAM, worker_id: "js", max_inflight: N_FRAGMENTS,
        config: {
            source_language: "en", target_language: "es", chunk_duration_ms: 1000, sample_rate_hz: 24000, channels: 1,
            format: "pcm_s16le",
        },
    });
    assert.strictEqual((await ready).max_inflight, N_FRAGMENTS);

    const sent = Array.from({ length: N_FRAGMENTS }, (_, i) => fragment(i));
    const processed = new Promise((resolve) => {
        const all = [];
        socket.on("fragment:processed", (one) => all.push(one) === N_FRAGMENTS && resolve(all));
    });
    sent.forEach((one) => socket.emit("fragment:data", one));
    for (const [i, one] of (await processed).entries()) {
        assert.strictEqual(one.status, "success");
        assert.strictEqual(one.fragment_id, sent[i].fragment_id);
        assert.strictEqual(one.dubbed_audio.data_base64, sent[i].audio.data_base64);
        socket.emit("fragment:ack", { fragment_id: one.fragment_id, status: "applied", timestamp: Date.now() });
    }

    const refused = once("error");
    socket.emit("stream:pause", Buffer.from("no object"));
    assert.strictEqual(typeof (await refused).message, "string");
    const complete = once("stream:complete");
    socket.emit("stream:end", { stream_id: STREAM, reason: "done" });
    assert.strictEqual((await complete).success_count, N_FRAGMENTS);
    socket.disconnect();
}

socket.once("connect_error", (error) => {
    console.log(JSON.stringify([error.message, error.data]));
    process.exit(3);
});
talk().then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
