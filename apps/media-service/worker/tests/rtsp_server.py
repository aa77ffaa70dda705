# SPDX-License-Identifier: GPL-3.0-or-later
"""A real RTSP server (gst-rtsp-server) for the tests: one clip at /clip for every player from its beginning, and
/record/NAME that takes a publication and keeps it as NAME.ts.

    rtsp_server.py --port PORT [--clip FILE] [--folder FOLDER] [--user USER --password PASSWORD [--digest]]
"""
import argparse
import pathlib
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402  (versions have to be named first)

PAYLOADERS = {
    "h264": ("h264parse", "rtph264pay config-interval=-1"),
    "h265": ("h265parse", "rtph265pay config-interval=-1"),
    "aac": ("aacparse", "rtpmp4gpay"),
    "latm": ("aacparse", "rtpmp4apay"),
    "opus": ("opusparse", "rtpopuspay"),
}


def clip_launch(path, video, audio):
    """The clip's tracks, each by the payloader that is asked for; "none" leaves one out."""
    parts = [f'( filesrc location="{path}" ! qtdemux name=d']
    for number, (pad, kind) in enumerate(one for one in (("video", video), ("audio", audio)) if one[1] != "none"):
        parser, payloader = PAYLOADERS[kind]
        parts.append(f"d.{pad}_0 ! queue max-size-time=0 ! {parser} ! {payloader} name=pay{number} pt={96 + number}")
    return " ".join(parts) + " )"


def record_launch(path):
    """The second parser frames for the muxer what the timestamper lets out."""
    return (f'( rtph264depay name=depay0 ! h264parse ! h264timestamper ! h264parse ! mpegtsmux name=m ! '
            f'filesink buffer-mode=unbuffered location="{path}" rtpmp4gdepay name=depay1 ! aacparse ! m. )')


def serve_clip(mounts, arguments):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(clip_launch(arguments.clip, arguments.video, arguments.audio))
    mounts.add_factory("/clip", factory)
    return factory


def serve_recording(mounts, name, folder):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(record_launch(folder / f"{name}.ts"))
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    factory.set_latency(0)
    mounts.add_factory(f"/record/{name}", factory)
    return factory


def protect(server, factories, user, password, by_digest):
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    if by_digest:  # RFC 2617: the password itself is never sent
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    for factory in factories:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_role("user")
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", required=True)
    parser.add_argument("--clip")
    parser.add_argument("--video", default="h264", choices=[*PAYLOADERS, "none"])
    parser.add_argument("--audio", default="aac", choices=[*PAYLOADERS, "none"])
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--recordings", nargs="*", default=())
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--digest", action="store_true")
    arguments = parser.parse_args()

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    mounts = server.get_mount_points()
    factories = [serve_clip(mounts, arguments)] if arguments.clip else []
    factories += [serve_recording(mounts, name, arguments.folder) for name in arguments.recordings]
    if arguments.user:
        protect(server, factories, arguments.user, arguments.password, arguments.digest)
    if server.attach(None) == 0:
        sys.exit(f"port {arguments.port} cannot be served")
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    print("serving", flush=True)
    loop.run()


main()
