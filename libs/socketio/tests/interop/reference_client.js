// SPDX-License-Identifier: GPL-3.0-or-later
// The reference client against our echo server: node reference_client.js URL. Exits 0 when all of it holds.
"use strict";
const assert = require("node:assert");
const { io } = require("socket.io-client");

const LARGE = "L".repeat(300 * 1024);
const ROUNDS = [
    ["x"],
    [1, "2", { 3: [true, null, "ü", 4e22, 0.1] }],
    [Buffer.from([0, 1, 255]), { inner: Buffer.from([2]) }],
    [LARGE],
];

function once(socket, event) {
    return new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
}

async function exchange(socket, token) {
    assert.deepStrictEqual(await once(socket, "auth"), [{ token }]);
    for (const args of ROUNDS) {
        const answer = once(socket, "message-back");
        socket.emit("message", ...args);
        assert.deepStrictEqual(await answer, args);
        const acknowledged = await new Promise((resolve) =>
            socket.emit("message-with-ack", ...args, (...back) => resolve(back)));
        assert.deepStrictEqual(acknowledged, args);
    }
}

async function main(url) {
    const options = { transports: ["websocket"], reconnection: false };
    const main = io(url, { ...options, auth: { token: "a" } });
    const custom = io(url + "/custom", { ...options, auth: { token: "b" } });
    await Promise.all([exchange(main, "a"), exchange(custom, "b")]);
    const [refusal] = await once(io(url + "/random", options), "connect_error");
    assert.strictEqual(refusal.message, "Invalid namespace");
    await new Promise((resolve) => setTimeout(resolve, 1500)); // several heartbeats
    assert.ok(main.connected && custom.connected);
    main.disconnect();
    assert.deepStrictEqual(await new Promise((resolve) => custom.emit("message-with-ack", "still", resolve)), "still");
    custom.disconnect();
    const polling = io(url, { transports: ["polling"], reconnection: false });
    assert.ok((await once(polling, "connect_error"))[0] instanceof Error);
}

main(process.argv[2]).then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
