# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips that the worker's tests make, and what they read back from recordings."""
import hashlib
import json
import subprocess

import numpy

FRAME_RATE = 30
SAMPLE_RATE = 48000
SIZE = (320, 180)


def run_ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)


def make_flash_beep(path, seconds=10, audio_rate=SAMPLE_RATE, b_frames=0, gop=30):
    """A white flash and a beep of 100 ms begin together at every full second but the first. A strip at the top is
    different in every picture, so that no two have the same bytes."""
    width, height = SIZE
    flash = "if(gte(T,0.9)*lt(mod(T+0.0001,1),0.1),235,16)"
    beep = f"if(gte(t,0.9)*lt(mod(t+0.0000001,1),0.1),0.5*sin(2*PI*1000*t),0)"
    run_ffmpeg(
        "-f", "lavfi", "-i", f"color=black:size={width}x{height}:rate={FRAME_RATE},format=yuv420p,"
        f"geq=lum='if(lt(Y,16),16+mod(N*37+X*(1+mod(N,50)),200),{flash})':cb=128:cr=128",
        "-f", "lavfi", "-i", f"aevalsrc='{beep}|{beep}':s={audio_rate}",
        "-t", seconds, "-c:v", "libx264", "-preset", "veryfast", "-bf", b_frames, "-g", gop, "-pix_fmt", "yuv420p",
        "-c:a", "aac", "-b:a", "128k", path)


def make_picture_only(path, codec="libx264", seconds=2):
    run_ffmpeg("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate={FRAME_RATE}", "-t", seconds, "-c:v", codec,
               "-pix_fmt", "yuv420p", path)


def make_with_codec(path, codec, seconds=2):
    run_ffmpeg("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate={FRAME_RATE}", "-f", "lavfi", "-i",
               "sine=frequency=440", "-t", seconds, "-c:v", codec, "-pix_fmt", "yuv420p", "-c:a", "aac", path)


def make_heavy(path, seconds, mbit_per_s):
    """Constant bit rate, most of it filler: pictures of any weight at the price of small ones."""
    rate = f"{mbit_per_s}M"
    run_ffmpeg("-f", "lavfi", "-i", f"testsrc2=size=64x64:rate={FRAME_RATE}:duration={seconds}", "-f", "lavfi", "-i",
               f"sine=frequency=440:duration={seconds}", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
               "-g", FRAME_RATE, "-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate, "-x264-params",
               "nal-hrd=cbr", "-c:a", "aac", path)


def packets(path, stream="v"):
    """(pts_s, dts_s, hash, is_key) of every packet of one stream, in file order."""
    output = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", stream, "-show_data_hash", "md5", "-show_entries",
         "packet=pts_time,dts_time,data_hash,flags", "-of", "json", path], check=True, capture_output=True).stdout
    return [(float(p["pts_time"]), float(p.get("dts_time", "nan")), p["data_hash"], "K" in p["flags"])
            for p in json.loads(output)["packets"]]


def flv_times_so_far(path):
    """Timestamps, in seconds, of the whole video tags of a FLV file that is being written; none before it begins."""
    data, at, times = path.read_bytes() if path.exists() else b"", 13, []
    while at + 11 <= len(data):
        size, time_ms = int.from_bytes(data[at + 1:at + 4], "big"), int.from_bytes(data[at + 4:at + 7], "big")
        if at + 11 + size + 4 > len(data):
            break
        if data[at] == 9:
            times.append((time_ms + (data[at + 7] << 24)) / 1000)
        at += 11 + size + 4
    return times


def video_hashes(path):
    return [packet[2] for packet in packets(path)]


def payload_hash(nals, without=()):
    """Of an access unit without what containers add and take away: delimiter, parameter sets, filler, end marks."""
    left_out = (7, 8, 9, 10, 11, 12, *without)
    return hashlib.md5(b"\0\0\1".join(nal for nal in nals if nal[0] & 0x1F not in left_out)).hexdigest()


def access_units(path, without=()):
    """payload_hash of each access unit, in order of decoding, whatever the container's framing; without further NAL
    types."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-bsf:v",
         "h264_mp4toannexb,h264_metadata=aud=insert", "-f", "h264", "-"], check=True, capture_output=True,
        stdin=subprocess.DEVNULL).stdout
    units = []
    for nal in raw.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]:
        if nal[0] & 0x1F == 9:
            units.append([])
        units[-1].append(nal.rstrip(b"\0"))
    return [payload_hash(unit, without) for unit in units]


def streams(path):
    output = subprocess.run(["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", path],
                            check=True, capture_output=True).stdout
    return json.loads(output)


def flash_times(path):
    """When the picture turns white, in seconds of presentation."""
    info = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0", path],
        check=True, capture_output=True, text=True).stdout
    times = [float(line.strip(",")) for line in info.split()]
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo",
         "-pix_fmt", "gray", "-vf", "scale=16:9", "-"], check=True, capture_output=True).stdout
    light = numpy.frombuffer(raw, numpy.uint8).reshape(-1, 16 * 9).mean(axis=1) > 128
    assert len(light) == len(times), (len(light), len(times))
    return [times[i] for i in range(1, len(light)) if light[i] and not light[i - 1]]


def decode_audio(path):
    """Mono float samples and the presentation time of the first one; the sound has to be without gaps."""
    first = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "frame=pts_time", "-read_intervals",
         "%+1", "-of", "csv=p=0", path], check=True, capture_output=True, text=True).stdout
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-ac", "1", "-f", "f32le", "-"],
                         check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    return numpy.frombuffer(raw, numpy.float32), float(first.split()[0].strip(","))


def beep_times(path):
    """When beeps begin, in seconds of presentation."""
    samples, start = decode_audio(path)
    rate = int(next(s for s in streams(path)["streams"] if s["codec_type"] == "audio")["sample_rate"])
    times = []
    last = -rate
    for index in numpy.flatnonzero(numpy.abs(samples) > 0.1):
        if index - last > rate // 4:
            times.append(start + index / rate)
        last = index
    return times


def av_offsets(path, resumed=()):
    """Sound minus picture, in ms, for each flash that has its beep.

    A flash with which the picture resumed does not count: its beep begins inside the first AAC frame of a new
    connection, of which only half is heard, for there is no frame before it to overlap with.
    """
    beeps = beep_times(path)
    offsets = []
    for flash in flash_times(path):
        if any(abs(flash - time) < 0.001 for time in resumed):
            continue
        nearest = min(beeps, key=lambda beep: abs(beep - flash), default=None)
        if nearest is not None and abs(nearest - flash) < 0.4:
            offsets.append((nearest - flash) * 1000)
    return offsets
