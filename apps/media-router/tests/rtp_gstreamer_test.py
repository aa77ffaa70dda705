"""RTP against GStreamer's payloaders and depayloaders, by files of packets: what each makes, the other reads."""
import re
import subprocess

import pytest

SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=-
t=0 0
m={kind} 0 RTP/AVP 96
a=rtpmap:96 {rtpmap}
a=fmtp:96 {fmtp}
"""
# With its buffer, filesink 1.22 loses some of many small packets.
UNBUFFERED = ("filesink", "buffer-mode=unbuffered")
SETS = (7, 8)  # SPS, PPS
CAPS = {"v": "application/x-rtp-stream,media=video,clock-rate=90000,encoding-name=H264,payload=96",
        "a": "application/x-rtp-stream,media=audio,clock-rate=48000,encoding-name=MPEG4-GENERIC,payload=97,"
             "mode=(string)AAC-hbr,sizelength=(string)13,indexlength=(string)3,indexdeltalength=(string)3"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Pictures with two levels of B-frames, some of them larger than a packet, and sound."""
    path = tmp_path_factory.mktemp("rtp") / "sample.flv"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4",
                    "-f", "lavfi", "-i", "sine=440:r=48000:d=4", "-c:v", "libx264", "-preset", "veryfast", "-g", "50",
                    "-bf", "3", "-x264-params", "b-pyramid=normal:slices=2", "-pix_fmt", "yuv420p", "-c:a", "aac",
                    "-ac", "2", str(path)], check=True)
    return path


def launch(*words):
    """The output of a pipeline that runs to its end."""
    done = subprocess.run(["gst-launch-1.0", "-v", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def config_of(output):
    """As rtpmp4gpay and rtpmp4apay announce it."""
    return re.findall(r"application/x-rtp, .*\bconfig=\(string\)([0-9a-fA-F]+)", output)[-1]


def packets(path, kind):
    """[(presentation time ms, decoding time ms, is a key frame, hash)] of a track of an FLV file."""
    text = subprocess.run(["ffprobe", "-v", "error", "-select_streams", kind, "-show_packets", "-show_entries",
                           "packet=pts,dts,flags,data_hash", "-show_data_hash", "sha256", "-of", "csv=p=0", str(path)],
                          check=True, capture_output=True, text=True).stdout
    rows = [line.split(",") for line in text.split()]
    return [(int(row[0]), int(row[1]), "K" in row[2], row[3]) for row in rows]


def receive(program, folder, sdp, packet_file):
    (folder / "in.sdp").write_text(sdp)
    out = folder / "out.flv"
    said = subprocess.run([str(program("router-rtp-tool")), "receive", str(folder / "in.sdp"), "0", str(packet_file), str(out)],
                          check=True, capture_output=True, text=True).stdout
    assert "lost=0 malformed=0 dropped=0" in said
    return out


def assert_same_times(sent, seen, column):
    """Up to rounding to milliseconds, and to the first one's place."""
    shifts = [b[column] - a[column] for a, b in zip(sent, seen)]
    assert max(shifts) - min(shifts) <= 1, shifts


@pytest.mark.parametrize("options, in_band", [
    (["mtu=1400"], False), (["mtu=100"], False), (["mtu=1400", "config-interval=-1"], True),
    (["mtu=9000", "config-interval=-1", "aggregate-mode=max-stap"], True)])
def test_pictures_of_rtph264pay(program, sample, tmp_path, options, in_band):
    said = launch("filesrc", f"location={sample}", "!", "flvdemux", "!", "h264parse", "!", "rtph264pay", *options, "!",
                  "rtpstreampay", "!", *UNBUFFERED, f"location={tmp_path / 'v.rtp'}")
    fmtp = "packetization-mode=1"
    if not in_band:
        sets = re.search(r'sprop-parameter-sets=\(string\)"([^"]+)"', said).group(1).replace("\\", "")
        fmtp += ";sprop-parameter-sets=" + sets
    sdp = SDP.format(kind="video", rtpmap="H264/90000", fmtp=fmtp)
    sent, seen = packets(sample, "v"), packets(receive(program, tmp_path, sdp, tmp_path / "v.rtp"), "v")
    assert [p[2:] for p in seen] == [p[2:] for p in sent], "pictures are missing or changed"
    assert_same_times(sent, seen, 0)
    # Without an SPS before the first packet the first decoding times have no room before 0.
    assert_same_times(sent[3:] if in_band else sent, seen[3:] if in_band else seen, 1)
    assert all(p[1] <= p[0] for p in seen)
    assert all(a[1] <= b[1] for a, b in zip(seen, seen[1:]))


@pytest.mark.parametrize("encoder", [
    ["-bf", "8", "-x264-params", "b-pyramid=strict"], ["-g", "25", "-x264-params", "open-gop=1"],
    ["-g", "25", "-x264-params", "intra-refresh=1"], ["-flags", "+ilme+ildct", "-x264-params", "tff=1"],
    ["-profile:v", "baseline"], ["-tune", "zerolatency"]], ids=lambda words: words[-1])
def test_times_are_those_of_the_encoder(program, tmp_path, encoder):
    """Decoding times, which RTP does not carry, come out as x264 wrote them; and so does what is a key frame."""
    source = tmp_path / "source.flv"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x96:r=25:d=3", "-pix_fmt",
                    "yuv420p", "-c:v", "libx264", "-preset", "veryfast", *encoder, str(source)], check=True)
    said = launch("filesrc", f"location={source}", "!", "flvdemux", "!", "h264parse", "!", "rtph264pay", "!", "rtpstreampay",
                  "!", *UNBUFFERED, f"location={tmp_path / 'v.rtp'}")
    sets = re.search(r'sprop-parameter-sets=\(string\)"([^"]+)"', said).group(1).replace("\\", "")
    sdp = SDP.format(kind="video", rtpmap="H264/90000", fmtp="packetization-mode=1;sprop-parameter-sets=" + sets)
    sent, seen = packets(source, "v"), packets(receive(program, tmp_path, sdp, tmp_path / "v.rtp"), "v")
    assert [p[2:] for p in seen] == [p[2:] for p in sent]
    assert_same_times(sent, seen, 0)
    assert_same_times(sent, seen, 1)


@pytest.mark.parametrize("payloader, rtpmap, fmtp", [
    ("rtpmp4gpay", "MPEG4-GENERIC/48000/2", "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config="),
    ("rtpmp4apay", "MP4A-LATM/48000/2", "cpresent=0;config=")])
@pytest.mark.parametrize("mtu", [1400, 100])
def test_sound_of_gstreamer(program, sample, tmp_path, payloader, rtpmap, fmtp, mtu):
    said = launch("filesrc", f"location={sample}", "!", "flvdemux", "!", "aacparse", "!", payloader, f"mtu={mtu}", "!",
                  "rtpstreampay", "!", *UNBUFFERED, f"location={tmp_path / 'a.rtp'}")
    sdp = SDP.format(kind="audio", rtpmap=rtpmap, fmtp=fmtp + config_of(said))
    sent, seen = packets(sample, "a"), packets(receive(program, tmp_path, sdp, tmp_path / "a.rtp"), "a")
    assert [p[3] for p in seen] == [p[3] for p in sent], "sound is missing or changed"
    # flvdemux gives the first two the same time.
    assert_same_times(sent[1:], seen[1:], 0)


def nal_units(data):
    return [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1") if unit.rstrip(b"\0")]


@pytest.fixture
def sent_packets(program, sample, tmp_path):
    subprocess.run([str(program("router-rtp-tool")), "send", str(sample), str(tmp_path)], check=True)
    return tmp_path


def test_pictures_for_rtph264depay(sample, sent_packets):
    launch("filesrc", f"location={sent_packets / '0.rtp'}", "!", CAPS["v"], "!", "rtpstreamdepay", "!", "rtph264depay", "!",
           "video/x-h264,stream-format=byte-stream,alignment=au", "!", "filesink", f"location={sent_packets / 'out.h264'}")
    annexb = sent_packets / "sent.h264"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(sample), "-c", "copy", "-an", str(annexb)], check=True)
    seen = nal_units((sent_packets / "out.h264").read_bytes())
    sent = nal_units(annexb.read_bytes())
    assert [n for n in seen if n[0] & 31 not in SETS] == [n for n in sent if n[0] & 31 not in SETS]
    # Each of the two key frames comes after its parameter sets.
    assert [n for n in seen if n[0] & 31 in SETS] == [n for n in sent if n[0] & 31 in SETS][:2] * 2
    kinds = [n[0] & 31 for n in seen]
    assert [kinds[i:i + 2] for i, kind in enumerate(kinds) if kind == 7] == [[7, 8]] * 2


def test_sound_for_rtpmp4gdepay(sample, sent_packets):
    config = re.search(r"config=(\w+)", (sent_packets / "stream.sdp").read_text()).group(1)
    launch("filesrc", f"location={sent_packets / '1.rtp'}", "!", f"{CAPS['a']},config=(string){config}", "!", "rtpstreamdepay",
           "!", "rtpmp4gdepay", "!", "aacparse", "!", "flvmux", "!", "filesink", f"location={sent_packets / 'out.flv'}")
    sent, seen = packets(sample, "a"), packets(sent_packets / "out.flv", "a")
    assert [p[3] for p in seen] == [p[3] for p in sent]
