#!/usr/bin/env python3
"""Makes the seeds of the WAV and M4A fuzz targets, which are the tests' foreign files as well, with ffmpeg.

Run it by hand; the files are kept in the repository, so that tests do not depend on ffmpeg's version.
"""
import pathlib
import subprocess

CORPUS = pathlib.Path(__file__).parent / "corpus"
EXACT = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"]


def sweep(rate, seconds, channels=1):
    """A tone that rises, so that a shift shows; the channels differ."""
    tones = "|".join(f"0.3*sin(2*PI*({300 + 200 * c}*t+900*t*t))" for c in range(channels))
    return ["-f", "lavfi", "-i", f"aevalsrc={tones}:s={rate}:d={seconds}"]


def picture():
    return ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=0.4"]


def make(name, *arguments):
    path = CORPUS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments, *EXACT, path], check=True)


def make_he_aac(name, source):
    """The description of mono AAC-LC at 24 kHz says that SBR doubles the rate; the stream has none to add."""
    data = (CORPUS / source).read_bytes()
    assert data.count(bytes.fromhex("130856e500")) == 1
    (CORPUS / name).write_bytes(data.replace(bytes.fromhex("130856e500"), bytes.fromhex("130856e598")))


def main():
    # The default search puts noise where the tone was.
    aac = ["-c:a", "aac", "-aac_coder", "fast", "-b:a", "48k"]
    make("sts-m4a/directory-last.m4a", *sweep(16000, 0.4), *aac)
    make("sts-m4a/directory-first.m4a", *sweep(24000, 0.4), *aac, "-movflags", "+faststart")
    make_he_aac("sts-m4a/he-aac.m4a", "sts-m4a/directory-first.m4a")
    make("sts-m4a/stereo.m4a", *sweep(22050, 0.4, 2), *aac)
    make("sts-m4a/fragmented.m4a", *sweep(16000, 0.4), *aac, "-f", "mp4", "-movflags",
         "+frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "150000")
    make("sts-m4a/fragmented-with-edit-list.m4a", *sweep(16000, 0.4), *aac, "-f", "mp4", "-movflags",
         "+frag_keyframe+delay_moov", "-frag_duration", "150000")
    make("sts-m4a/with-picture.m4a", *sweep(16000, 0.4), *picture(), *aac, "-c:v", "mpeg4", "-f", "mp4")
    make("sts-m4a/picture-only.m4a", *picture(), "-c:v", "mpeg4", "-f", "mp4")
    make("sts-m4a/two-sounds.m4a", *sweep(16000, 0.4), *sweep(16000, 0.2), *aac, "-map", "0", "-map", "1")
    make("sts-m4a/six-channels.m4a", *sweep(16000, 0.2, 6), "-af", "aformat=channel_layouts=5.1", *aac)
    make("sts-m4a/alac.m4a", *sweep(16000, 0.1), "-c:a", "alac")
    make("sts-m4a/mp3.m4a", *sweep(16000, 0.1), "-c:a", "libmp3lame", "-f", "mp4")
    make("sts-wav/mono.wav", *sweep(8000, 0.02))
    make("sts-wav/stereo-extensible.wav", *sweep(48000, 0.01, 2), "-c:a", "pcm_s16le", "-f", "wav")
    make("sts-wav/float.wav", *sweep(8000, 0.01), "-c:a", "pcm_f32le")


if __name__ == "__main__":
    main()
