# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands between an RTSP client and its server and reads what the client publishes: RTP packets and sender reports
(RFC 2326 section 10.12, RFC 3550)."""
import socket
import struct
import threading

CLOCK_HZ = {0: 90000, 2: 48000}  # of the picture's channel and the sound's


class Proxy:
    """Takes one connection at a time to the server's port; what it saw is in packets and reports."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.packets = {channel: [] for channel in CLOCK_HZ}  # (RTP timestamp, payload)
        self.reports = {channel: [] for channel in CLOCK_HZ}  # (wall clock in s, RTP timestamp)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server_port))
            except OSError:
                return
            self.connections += [client, server]
            threading.Thread(target=self.pump, args=(server, client, lambda data: None), daemon=True).start()
            self.pump(client, server, Reader(self).feed)

    @staticmethod
    def pump(source, target, look):
        try:
            while data := source.recv(65536):
                target.sendall(data)
                look(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        """Breaks the connections as a network does."""
        for one in self.connections:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections.clear()

    def close(self):
        self.listener.close()
        self.cut()

    def time_of(self, channel, rtp):
        """The wall clock of a timestamp, by the last sender report."""
        wall, reported = self.reports[channel][-1]
        behind = (reported - rtp + 2 ** 31) % 2 ** 32 - 2 ** 31
        return wall - behind / CLOCK_HZ[channel]


class Reader:
    """Takes interleaved frames out of the client's side of a connection."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.data = b""

    def feed(self, data):
        self.data += data
        while size := self.unit_size():
            unit, self.data = self.data[:size], self.data[size:]
            if unit[:1] == b"$":
                self.read_frame(unit[1], unit[4:])

    def unit_size(self):
        """Of the next frame or message; 0 when it is not whole."""
        if self.data[:1] == b"$":
            size = 4 + struct.unpack(">H", self.data[2:4])[0] if len(self.data) >= 4 else 4
        else:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return 0
            length = [line for line in self.data[:end].lower().split(b"\r\n") if line.startswith(b"content-length:")]
            size = end + 4 + (int(length[0].split(b":")[1]) if length else 0)
        return size if len(self.data) >= size else 0

    def read_frame(self, channel, data):
        if channel in self.proxy.packets:
            self.proxy.packets[channel].append((struct.unpack(">I", data[4:8])[0], data[12:]))
        elif channel - 1 in self.proxy.reports and data[1] == 200:
            seconds, fraction, rtp = struct.unpack(">III", data[8:20])
            self.proxy.reports[channel - 1].append((seconds + fraction / 2 ** 32, rtp))


def access_units(packets):
    """NAL units of H.264 in RTP (RFC 6184) by access unit: [(timestamp, [NAL unit])]."""
    units = []
    for timestamp, payload in packets:
        if not units or units[-1][0] != timestamp:
            units.append((timestamp, []))
        add_payload(units[-1][1], payload)
    return units


def add_payload(nals, payload):
    kind = payload[0] & 0x1F
    if kind == 24:  # STAP-A
        at = 1
        while at < len(payload):
            size = struct.unpack(">H", payload[at:at + 2])[0]
            nals.append(payload[at + 2:at + 2 + size])
            at += 2 + size
    elif kind == 28:  # FU-A
        if payload[1] & 0x80:
            nals.append(bytes([payload[0] & 0xE0 | payload[1] & 0x1F]))
        nals[-1] += payload[2:]
    else:
        nals.append(payload)
