# SPDX-License-Identifier: GPL-3.0-or-later
"""Interoperability with python-socketio: its client against our server, our client against its server."""
import asyncio
import subprocess

import socketio
from aiohttp import web

DEADLINE_S = 60
LARGE = "L" * 300 * 1024


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, DEADLINE_S))


class Recorder:
    """Events of a python-socketio peer, to be waited for."""

    def __init__(self):
        self.events = asyncio.Queue()

    async def next(self):
        return await self.events.get()

    def put(self, *what):
        self.events.put_nowait(what)


async def connected_client(url, recorder, **options):
    client = socketio.AsyncClient(reconnection=False)
    client.on("*", lambda event, *args: recorder.put(event, *args))
    if "/custom" in options.get("namespaces", []):  # it connects to every namespace that has a handler
        client.on("auth", lambda *args: recorder.put("auth", *args), namespace="/custom")
        client.on("message-back", lambda *args: recorder.put("custom message-back", *args), namespace="/custom")
    client.on("connect_error", lambda data: recorder.put("connect_error", data))
    await client.connect(url, transports=["websocket"], **options)
    return client


def test_their_client_exchanges_everything_with_our_server(echo_server):
    async def steps():
        recorder = Recorder()
        client = await connected_client(echo_server, recorder, auth={"token": "123"})
        assert await recorder.next() == ("auth", {"token": "123"})
        for args in [("x",), ({"a": [1, None, "ü"]},), (b"\x00\xff", {"in": b"\x01"}), (LARGE,), (1, 2.5, True)]:
            await client.emit("message", args)
            assert await recorder.next() == ("message-back", *args)
        assert await client.call("message-with-ack", (1, b"\x02")) == (1, b"\x02")
        await client.disconnect()
    run(steps())


def test_their_client_is_asked_by_our_server(echo_server):
    async def steps():
        recorder = Recorder()
        client = await connected_client(echo_server, recorder)
        client.on("question", lambda *args: (*args, "yes"))
        await recorder.next()
        for args in [("x",), (b"\x00\xff", {"in": b"\x01"})]:
            await client.emit("ask-me", args)
            assert await recorder.next() == ("answer", *args, "yes")
        await client.disconnect()
    run(steps())


def test_their_client_uses_several_namespaces(echo_server):
    async def steps():
        recorder = Recorder()
        client = await connected_client(echo_server, recorder, namespaces=["/", "/custom"])
        assert sorted([await recorder.next(), await recorder.next()]) == [("auth", {}), ("auth", {})]
        await client.emit("message", "x", namespace="/custom")
        assert await recorder.next() == ("custom message-back", "x")
        await client.disconnect()
    run(steps())


def test_their_client_stays_connected_over_heartbeats(echo_server):
    async def steps():
        recorder = Recorder()
        client = await connected_client(echo_server, recorder)
        await recorder.next()
        for _ in range(8):
            await asyncio.sleep(0.3)  # the heartbeat of the server
            assert client.connected
        await client.emit("message", "still here")
        assert await recorder.next() == ("message-back", "still here")
        await client.disconnect()
    run(steps())


class TheirServer:
    """A python-socketio server that echoes, and says "bye" when it has heard all of interop_client's round."""

    def __init__(self, token="secret", ping_interval=25):
        self.sio = socketio.AsyncServer(async_mode="aiohttp", ping_interval=ping_interval, cors_allowed_origins="*")
        self.heard = []
        self.token = token
        self.disconnects = []
        for space in ("/", "/custom"):
            self.add_namespace(space)
        self.app = web.Application()
        self.sio.attach(self.app)

    def add_namespace(self, space):
        async def connect(sid, environ, auth):
            self.heard.append((space, "connect", environ["HTTP_X_STREAM_ID"]))
            if auth != {"token": self.token}:
                raise socketio.exceptions.ConnectionRefusedError("AUTH_FAILED")

        async def message(sid, *args):
            self.heard.append((space, "message", args))
            await self.sio.emit("message-back", args, to=sid, namespace=space)

        async def ask(sid, *args):
            self.heard.append((space, "ask", args))
            return args

        async def disconnect(sid):
            self.disconnects.append(space)

        for handler in (connect, message, ask, disconnect):
            self.sio.on(handler.__name__, handler, namespace=space)

    async def __aenter__(self):
        self.runner = web.AppRunner(self.app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc):
        await self.runner.cleanup()


async def start_our_client(program, url, token, *spaces):
    return await asyncio.create_subprocess_exec(
        program("socketio-interop-client"), url, token, *spaces, stdout=subprocess.PIPE)


async def lines_until(process, word):
    lines = []
    while line := (await process.stdout.readline()).decode().rstrip():
        lines.append(line)
        if line.startswith(word):
            break
    return lines


PLAIN = '[1,"2",{"3":[true,null,"ü"]}]'
BINARY = '[{"inner":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}] 0001ff 02'
PLAIN_ARGS = (1, "2", {"3": [True, None, "ü"]})
BINARY_ARGS = ({"inner": b"\x00\x01\xff"}, b"\x02")


def test_our_client_exchanges_everything_with_their_server(program):
    async def steps():
        async with TheirServer() as server:
            process = await start_our_client(program, server.url, "secret", "/")
            lines = []
            while sum(line.startswith("ack") for line in lines) < 2:
                lines += await lines_until(process, "ack")
            asked = await server.sio.call("question", {"n": 1}, to=next(iter(server.sio.manager.rooms["/"][None])))
            await server.sio.emit("bye")
            lines += await lines_until(process, "closed")
            assert await process.wait() == 0
        assert server.heard == [("/", "connect", "stream-1"), ("/", "message", PLAIN_ARGS),
                                ("/", "message", BINARY_ARGS), ("/", "message", (LARGE,)), ("/", "ask", PLAIN_ARGS),
                                ("/", "ask", BINARY_ARGS)]
        assert asked == {"n": 1}
        assert lines == ["connect / sid -", f"event / message-back {PLAIN}", f"event / message-back {BINARY}",
                         f"event / message-back <{len(LARGE) + 4} bytes>", f"ack / ask {PLAIN}", f"ack / ask {BINARY}",
                         'event / question [{"n":1}]', "event / bye []", "disconnect / closed by us -",
                         "closed - well -"]
    run(steps())


def test_our_client_is_refused_by_their_server(program):
    async def steps():
        async with TheirServer() as server:
            process = await start_our_client(program, server.url, "wrong", "/")
            assert await lines_until(process, "closed") == ["connect_error / AUTH_FAILED -",
                                                            "closed - the server ended or refused the session -"]
            await process.wait()
    run(steps())


def test_our_client_uses_several_namespaces(program):
    async def steps():
        async with TheirServer() as server:
            process = await start_our_client(program, server.url, "secret", "/", "/custom")
            lines = []
            while sum(line.startswith("ack") for line in lines) < 4:
                lines += await lines_until(process, "ack")
            await server.sio.emit("bye", namespace="/custom")
            await lines_until(process, "closed")
            await process.wait()
        assert {line.split()[1] for line in lines} == {"/", "/custom"}
        assert sorted(server.disconnects) == ["/", "/custom"]
    run(steps())


def test_our_client_answers_their_heartbeat(program):
    async def steps():
        async with TheirServer(ping_interval=0.2) as server:
            process = await start_our_client(program, server.url, "secret", "/")
            await lines_until(process, "ack")
            for _ in range(10):
                await asyncio.sleep(0.2)  # the heartbeat of the server
                assert not server.disconnects
            await server.sio.emit("bye")
            assert (await lines_until(process, "closed"))[-1] == "closed - well -"
            await process.wait()
    run(steps())


def test_our_client_notices_that_their_server_leaves(program):
    async def steps():
        async with TheirServer() as server:
            process = await start_our_client(program, server.url, "secret", "/")
            await lines_until(process, "ack")
            await server.sio.disconnect(next(iter(server.sio.manager.rooms["/"][None])))
            lines = await lines_until(process, "closed")
            assert any(line.startswith("disconnect / the peer closed it") for line in lines)
            await process.wait()
    run(steps())
