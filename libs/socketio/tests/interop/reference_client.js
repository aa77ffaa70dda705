// SPDX-License-Identifier: GPL-3.0-or-later
// The reference clients against our echo server: node reference_client.js URL SCENARIO. Exits 0 when all of it holds.
"use strict";
const assert = require("node:assert");
const { Socket: EngineSocket } = require("engine.io-client");
const { io } = require("socket.io-client");

const LARGE = "L".repeat(300 * 1024);
const ROUNDS = [
    ["x"],
    [],
    [1, "2", { 3: [true, null, "ü\u2028\u{1f600}", 4e22, 0.1, -0] }],
    [Buffer.from([0, 1, 255]), { inner: Buffer.from([2]), deeper: [[Buffer.alloc(0)]] }],
    [LARGE],
    [Buffer.alloc(300 * 1024, 7)],
];
const OPTIONS = { transports: ["websocket"], reconnection: false, forceNew: true };

function once(socket, event) {
    return new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
}

function acknowledged(socket, event, ...args) {
    return new Promise((resolve) => socket.emit(event, ...args, (...back) => resolve(back)));
}

async function exchange(socket, token) {
    assert.deepStrictEqual(await once(socket, "auth"), [{ token }]);
    for (const args of ROUNDS) {
        const answer = once(socket, "message-back");
        socket.emit("message", ...args);
        assert.deepEqual(await answer, args);
        assert.deepEqual(await acknowledged(socket, "message-with-ack", ...args), args);
    }
}

const scenarios = {
    async exchange(url) {
        await exchange(io(url, { ...OPTIONS, auth: { token: "a" } }), "a");
    },
    // The client offers permessage-deflate with every message; our server declines.
    async compressing(url) {
        const perMessageDeflate = { threshold: 0 };
        const socket = io(url, { ...OPTIONS, perMessageDeflate, auth: { token: "a" } });
        await exchange(socket, "a");
        assert.strictEqual(socket.io.engine.transport.ws.extensions, "");
    },
    // Three on one connection: one is refused, one left, and the others go on.
    async namespaces(url) {
        const options = { ...OPTIONS, forceNew: false };
        const main = io(url, { ...options, auth: { token: "a" } });
        const custom = io(url + "/custom", { ...options, auth: { token: "b" } });
        const refused = io(url + "/random", options);
        const [, , [refusal]] = await Promise.all(
            [exchange(main, "a"), exchange(custom, "b"), once(refused, "connect_error")]);
        assert.strictEqual(refusal.message, "Invalid namespace");
        assert.strictEqual(main.io, custom.io);
        assert.notStrictEqual(main.id, custom.id);
        main.disconnect();
        assert.deepStrictEqual(await acknowledged(custom, "message-with-ack", "still"), ["still"]);
        main.connect();
        await exchange(main, "a");
    },
    // The server asks and the client acknowledges.
    async questions(url) {
        const socket = io(url, { ...OPTIONS, auth: { token: "a" } });
        socket.on("question", (...args) => args.pop()(...args, "yes"));
        for (const args of ROUNDS) {
            const answer = once(socket, "answer");
            socket.emit("ask-me", ...args);
            assert.deepEqual(await answer, [...args, "yes"]);
        }
    },
    async heartbeat(url) {
        const socket = io(url, { ...OPTIONS, auth: { token: "a" } });
        await once(socket, "connect");
        for (let beats = 0; beats < 4; beats++)
            await once(socket.io, "ping");
        assert.deepStrictEqual(await acknowledged(socket, "message-with-ack", "still"), ["still"]);
        socket.io.engine.transport.send = () => {}; // no more pongs
        assert.match((await once(socket, "disconnect"))[0], /^transport/);
    },
    async limits(url) {
        const socket = io(url, { ...OPTIONS, auth: { token: "a" } });
        await once(socket, "connect");
        socket.emit("message", "x".repeat(1000000)); // with its frame more than allowed
        assert.match((await once(socket, "disconnect"))[0], /^transport/);
    },
    async polling(url) {
        const socket = io(url, { transports: ["polling"], reconnection: false });
        const [error] = await once(socket, "connect_error");
        assert.strictEqual(error.context.status, 400);
    },
    // Engine.IO alone, on the path that gives everything back.
    async engine(url) {
        const socket = new EngineSocket(url, { path: "/engine.io/", transports: ["websocket"] });
        await once(socket, "open");
        for (const message of ["hello ü", LARGE, Buffer.from([0, 1, 255]), Buffer.alloc(0), Buffer.alloc(300 * 1024)]) {
            const answer = once(socket, "message");
            socket.send(message);
            assert.deepStrictEqual(await answer, [message]);
        }
        for (let beats = 0; beats < 3; beats++)
            await once(socket, "ping");
        const end = once(socket, "close");
        socket.close();
        assert.strictEqual((await end)[0], "forced close");
    },
};

const [url, scenario] = process.argv.slice(2);
scenarios[scenario](url).then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
