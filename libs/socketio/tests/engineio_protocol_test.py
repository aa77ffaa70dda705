# SPDX-License-Identifier: GPL-3.0-or-later
"""Our server, frame by frame: what the protocols' descriptions ask for, with a plain WebSocket client."""
import asyncio
import json

import aiohttp
import pytest

SOCKETIO = "/socket.io/?EIO=4&transport=websocket"
ENGINEIO = "/engine.io/?EIO=4&transport=websocket"
DEADLINE_S = 60


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, DEADLINE_S))


async def text(ws):
    """The next text frame that is no ping; pings are answered."""
    while True:
        message = await ws.receive()
        assert message.type == aiohttp.WSMsgType.TEXT, message
        if message.data != "2":
            return message.data
        await ws.send_str("3")


async def closed(ws):
    """Reads until the server has closed; the close code."""
    while True:
        message = await ws.receive()
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
            return ws.close_code


def scenario(url, path):
    """A decorator that runs a coroutine with an open WebSocket."""
    def decorate(steps):
        async def whole():
            async with aiohttp.ClientSession() as session:
                async with session.ws_connect(url + path) as ws:
                    await steps(ws)
        run(whole())
    return decorate


def test_open_packet_has_exactly_its_members(echo_server):
    @scenario(echo_server, ENGINEIO)
    async def steps(ws):
        packet = await text(ws)
        assert packet[0] == "0"
        members = json.loads(packet[1:])
        assert sorted(members) == ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]
        assert members["upgrades"] == []
        assert (members["pingInterval"], members["pingTimeout"], members["maxPayload"]) == (300, 2000, 1000000)


@pytest.mark.parametrize("query", [
    "", "?EIO=4", "?transport=websocket", "?EIO=3&transport=websocket", "?EIO=abc&transport=websocket",
    "?EIO=4&transport=abc", "?EIO=4&transport=polling", "?EIO=4&transport=websocket",
])
def test_http_without_an_upgrade_is_a_clean_error(echo_server, query):
    async def steps():
        async with aiohttp.ClientSession() as session:
            for method in ("GET", "POST", "PUT"):
                async with session.request(method, f"{echo_server}/socket.io/{query}") as answer:
                    assert answer.status == 400
                    assert answer.content_type == "application/json"
                    assert sorted(await answer.json()) == ["code", "message"]
    run(steps())


def test_raw_messages_come_back(echo_server):
    @scenario(echo_server, ENGINEIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str("4hello ünïcode")
        assert await text(ws) == "4hello ünïcode"
        await ws.send_bytes(bytes(range(256)))
        assert (await ws.receive()).data == bytes(range(256))
        await ws.send_str("6")
        await ws.send_str("4")
        assert await text(ws) == "4"


@pytest.mark.parametrize("frame", ["abc", "", "0{}", "2", "5", "7"])
def test_what_is_no_packet_closes(echo_server, frame):
    @scenario(echo_server, ENGINEIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str(frame)
        assert await closed(ws) == 1002


def test_close_packet_closes(echo_server):
    @scenario(echo_server, ENGINEIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str("1")
        assert await closed(ws) == 1000


def test_heartbeat_is_kept_and_demanded(echo_server):
    @scenario(echo_server, ENGINEIO)
    async def steps(ws):
        await text(ws)
        for _ in range(3):
            assert (await ws.receive()).data == "2"
            await ws.send_str("3")
        assert (await ws.receive()).data == "2"
        await closed(ws)


@pytest.mark.parametrize("query", ["transport=websocket", "EIO=abc&transport=websocket", "EIO=3&transport=websocket",
                                   "EIO=4", "EIO=4&transport=abc", "EIO=4&transport=polling",
                                   "EIO=4&transport=websocket&sid=abc"])
@pytest.mark.parametrize("path", ["/engine.io/", "/socket.io/"])
def test_upgrade_with_a_wrong_query_is_refused(echo_server, path, query):
    async def steps():
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await session.ws_connect(f"{echo_server}{path}?{query}")
            assert refusal.value.status == 400
    run(steps())


def test_silence_closes_within_interval_and_timeout(quick_server):
    """The public suites' own timing: pings every 300 ms, an answer within 200 ms, and the close is waited for."""
    for path in (ENGINEIO, SOCKETIO):
        @scenario(quick_server, path)
        async def steps(ws):
            assert (await text(ws)).startswith("0{")
            assert (await ws.receive()).data == "2"
            assert (await ws.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


def test_namespaces_and_their_auth(echo_server):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str('40{"token":"123"}')
        packet = await text(ws)
        assert packet.startswith("40{") and list(json.loads(packet[2:])) == ["sid"]
        assert await text(ws) == '42["auth",{"token":"123"}]'
        await ws.send_str("40/custom,")
        assert (await text(ws)).startswith("40/custom,{")
        assert await text(ws) == '42/custom,["auth",{}]'
        await ws.send_str('41/custom,')
        await ws.send_str('40/custom,{"token":"abc"}')
        assert (await text(ws)).startswith("40/custom,{")
        assert await text(ws) == '42/custom,["auth",{"token":"abc"}]'
        await ws.send_str("40/random")
        assert await text(ws) == '44/random,{"message":"Invalid namespace"}'


def test_events_and_acknowledgements(echo_server):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str("40")
        await text(ws), await text(ws)
        await ws.send_str('42["message",1,"2",{"3":[true]}]')
        assert await text(ws) == '42["message-back",1,"2",{"3":[true]}]'
        await ws.send_str('42456["message-with-ack",1,"2",{"3":[false]}]')
        assert await text(ws) == '43456[1,"2",{"3":[false]}]'


def test_binary_events_and_acknowledgements(echo_server):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        holders = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
        await text(ws)
        await ws.send_str("40")
        await text(ws), await text(ws)
        for sent, answer in ((f'452-["message",{holders}]', f'452-["message-back",{holders}]'),
                             (f'452-789["message-with-ack",{holders}]', f"462-789[{holders}]")):
            await ws.send_str(sent)
            await ws.send_bytes(b"\x01\x02\x03")
            await ws.send_bytes(b"\x04")
            assert await text(ws) == answer
            assert [(await ws.receive()).data, (await ws.receive()).data] == [b"\x01\x02\x03", b"\x04"]


def test_leaving_one_namespace_keeps_the_other(echo_server):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str("40")
        await text(ws), await text(ws)
        await ws.send_str("40/custom")
        await text(ws), await text(ws)
        await ws.send_str("41/custom")
        await ws.send_str('42["message","x"]')
        assert await text(ws) == '42["message-back","x"]'


def test_leaving_the_last_namespace_keeps_the_connection(echo_server):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str("40")
        await text(ws), await text(ws)
        await ws.send_str("41")
        for _ in range(2):
            assert (await ws.receive()).data == "2"
            await ws.send_str("3")
        await ws.send_str("40")
        assert (await text(ws)).startswith("40{")


@pytest.mark.parametrize("frame", ['42["message"]', '43["late"]', "41"])
def test_what_comes_for_a_namespace_that_the_peer_has_left_closes(echo_server, frame):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str("40")
        await text(ws), await text(ws)
        await ws.send_str("41")
        await ws.send_str(frame)
        assert await closed(ws) == 1002


@pytest.mark.parametrize("frame", ["4abc", "42{}", '42abc["message-with-ack",1]', '42["connect"]', '451-["message"]',
                                   '42["message",' + "[" * 5000 + "]" * 5000 + "]"])
def test_broken_packets_close(echo_server, frame):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str("40")
        await text(ws), await text(ws)
        await ws.send_str(frame)
        assert await closed(ws) == 1002


def test_connection_that_never_connects_is_closed(echo_server):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        await text(ws)
        while (message := await ws.receive()).type == aiohttp.WSMsgType.TEXT:
            assert message.data == "2"
            await ws.send_str("3")


def test_text_that_is_not_utf8_closes(echo_server):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        await text(ws)
        await ws._writer._send_frame(b'42["\xff\xfe"]', 0x1)  # aiohttp itself only sends UTF-8
        await closed(ws)


def test_message_beyond_the_limit_closes(echo_server):
    @scenario(echo_server, SOCKETIO)
    async def steps(ws):
        await text(ws)
        await ws.send_str("40")
        await text(ws), await text(ws)
        try:
            await ws.send_str('42["message","' + "x" * 1000000 + '"]')
        except (aiohttp.ClientOSError, ConnectionResetError):
            return  # closed at the frame's header, amid its payload: the kernel then resets instead of closing
        await closed(ws)
