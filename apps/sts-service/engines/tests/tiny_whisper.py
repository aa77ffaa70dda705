#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a whisper.cpp model file that is whole, small and says what its test wants: tiny_whisper.py KIND OUTPUT.

No weights were learnt. A token is one of 16 directions; attention adds nothing; the decoder's one feed-forward layer
turns each token's direction into that of the token that follows it, so that the file itself is a chain of words:

  speech    good evening and welcome to the news at ten (English; "evening" is two tokens)
  spanish   of all languages; what it hears is Spanish: buenas noches, manana with its tilde cut in two tokens
  nobody    words, and that nobody has spoken
  loop      good evening good evening ...
  context   hello; with an earlier text in front: again

and models of voice activity, of zeros but for the last number: `voices` hears one in everything, `silence` in nothing.

The layouts of the files are those of whisper.cpp's models/convert-pt-to-ggml.py and models/convert-silero-vad-to-ggml.py.
"""
import array
import struct
import sys

STATE = 16
HEADS = 2
AUDIO_LAYERS = 4
AUDIO_CONTEXT = 1500
TEXT_CONTEXT = 448
MELS = 80
MEL_BINS = 201
F32, F16 = 0, 1
GAIN = 10.0
# Of the last normalisation: how sure it is of its tokens.
SURENESS = 5.0


class Tokens:
    """The special tokens of a vocabulary, English alone or of 99 languages."""

    def __init__(self, multilingual):
        more = 1 if multilingual else 0
        self.count = 51864 + more
        self.end = 50256 + more
        self.start = 50257 + more
        self.spanish = self.start + 1 + 3
        self.nobody = 50361 + more
        self.no_times = 50362 + more
        self.begin = 50363 + more


def chain_of(kind, token, words):
    """[(token, follower, gain)] of a model, and the position from which on another text is in front (0: never)."""
    chain = list(zip(words, words[1:] + [token.end]))
    links = [(a, b, GAIN) for a, b in chain]
    first = words[0]
    if kind == "context":
        # hello or again, and then the end: `flag` is a direction that no token has.
        return [(token.begin, words[0], GAIN), ("flag", words[1], 4 * GAIN), (token.start, token.begin, 20 * GAIN),
                (words[0], token.end, 20 * GAIN), (words[1], token.end, 20 * GAIN)], 3
    links.append((token.no_times, first, GAIN))
    links.append((token.begin, first, GAIN))
    if kind == "spanish":
        links.append((token.start, token.spanish, GAIN))
    else:
        links.append((token.start, token.begin, GAIN))
    if kind == "nobody":
        links.append((token.start, token.nobody, 2 * GAIN))
    if kind == "loop":
        links = [link for link in links if link[1] != token.end] + [(words[-1], words[0], GAIN)]
    return links, 0


WORDS = {
    "speech": [b" good", b" even", b"ing", b" and", b" welcome", b" to", b" the", b" news", b" at", b" ten"],
    "spanish": [b" Buenas", b" noches", b",", b" ma\xc3", b"\xb1ana", b"."],
    "nobody": [b" Thank", b" you", b"."],
    "loop": [b" good", b" evening"],
    "context": [b" hello", b" again"],
}


class Model:
    def __init__(self, kind):
        self.token = Tokens(kind == "spanish")
        links, self.flag_from = chain_of(kind, self.token, list(range(len(WORDS[kind]))))
        # The library looks up the blank.
        self.words = WORDS[kind] + [b" "]
        names = []
        for a, b, _ in links:
            names += [name for name in (a, b) if name not in names]
        assert len(names) <= STATE, kind
        self.direction = {name: at for at, name in enumerate(names)}
        self.links = links

    def feed_forward(self):
        """The two matrices [rows][columns]: one unit per direction, and what it adds."""
        into = [[0.0] * STATE for _ in range(4 * STATE)]
        out = [[0.0] * (4 * STATE) for _ in range(STATE)]
        for at in range(STATE):
            into[at][at] = 1.0
        for a, b, gain in self.links:
            out[self.direction[b]][self.direction[a]] = gain
        return into, out

    def embedding(self):
        rows = array.array("H", bytes(2 * STATE * self.token.count))
        for name, at in self.direction.items():
            if name != "flag":
                rows[name * STATE + at] = 0x3C00  # 1.0
        return rows.tobytes()

    def positions(self):
        rows = [[0.0] * STATE for _ in range(TEXT_CONTEXT)]
        if self.flag_from:
            for row in rows[self.flag_from:]:
                row[self.direction["flag"]] = 1.0
        return rows


def halves(values):
    return struct.pack(f"<{len(values)}e", *values)


def floats(values):
    return array.array("f", values).tobytes() if sys.byteorder == "little" else struct.pack(f"<{len(values)}f", *values)


class Writer:
    def __init__(self, out):
        self.out = out

    def ints(self, *values):
        self.out.write(struct.pack(f"<{len(values)}i", *values))

    def tensor(self, name, dims, kind, data):
        """dims: innermost first."""
        name = name.encode()
        self.ints(len(dims), len(name), kind, *dims)
        self.out.write(name)
        self.out.write(data)

    def zeros(self, name, *dims, kind=F32):
        count = 1
        for dim in dims:
            count *= dim
        self.tensor(name, dims, kind, bytes(count * (4 if kind == F32 else 2)))

    def vector(self, name, value):
        self.tensor(name, (STATE,), F32, floats([value] * STATE))

    def norm(self, name, weight=1.0):
        self.vector(f"{name}.weight", weight)
        self.vector(f"{name}.bias", 0.0)

    def matrix(self, name, rows):
        self.tensor(name, (len(rows[0]), len(rows)), F16, halves([value for row in rows for value in row]))

    def attention(self, name):
        for part in ("query", "key", "value", "out"):
            self.zeros(f"{name}.{part}.weight", STATE, STATE, kind=F16)
            if part != "key":
                self.vector(f"{name}.{part}.bias", 0.0)


def write_head(writer, model):
    writer.ints(0x67676D6C, model.token.count, AUDIO_CONTEXT, STATE, HEADS, AUDIO_LAYERS, TEXT_CONTEXT, STATE, HEADS, 1, MELS, 1)
    writer.ints(MELS, MEL_BINS)
    bank = [[1.0 if bin_ * MELS // MEL_BINS == mel else 0.0 for bin_ in range(MEL_BINS)] for mel in range(MELS)]
    writer.out.write(floats([value for row in bank for value in row]))
    writer.ints(len(model.words))
    for word in model.words:
        writer.ints(len(word))
        writer.out.write(word)


def write_encoder(writer):
    writer.zeros("encoder.positional_embedding", STATE, AUDIO_CONTEXT)
    writer.zeros("encoder.conv1.weight", 3, MELS, STATE, kind=F16)
    writer.zeros("encoder.conv1.bias", 1, STATE)
    writer.zeros("encoder.conv2.weight", 3, STATE, STATE, kind=F16)
    writer.zeros("encoder.conv2.bias", 1, STATE)
    writer.norm("encoder.ln_post")
    for layer in range(AUDIO_LAYERS):
        name = f"encoder.blocks.{layer}"
        writer.norm(f"{name}.mlp_ln")
        writer.zeros(f"{name}.mlp.0.weight", STATE, 4 * STATE, kind=F16)
        writer.zeros(f"{name}.mlp.0.bias", 4 * STATE)
        writer.zeros(f"{name}.mlp.2.weight", 4 * STATE, STATE, kind=F16)
        writer.vector(f"{name}.mlp.2.bias", 0.0)
        writer.norm(f"{name}.attn_ln")
        writer.attention(f"{name}.attn")


def write_decoder(writer, model):
    into, out = model.feed_forward()
    writer.tensor("decoder.positional_embedding", (STATE, TEXT_CONTEXT), F32,
                  floats([value for row in model.positions() for value in row]))
    writer.tensor("decoder.token_embedding.weight", (STATE, model.token.count), F16, model.embedding())
    writer.norm("decoder.ln", SURENESS)
    name = "decoder.blocks.0"
    writer.norm(f"{name}.mlp_ln")
    writer.matrix(f"{name}.mlp.0.weight", into)
    writer.zeros(f"{name}.mlp.0.bias", 4 * STATE)
    writer.matrix(f"{name}.mlp.2.weight", out)
    writer.vector(f"{name}.mlp.2.bias", 0.0)
    writer.norm(f"{name}.attn_ln")
    writer.attention(f"{name}.attn")
    writer.norm(f"{name}.cross_attn_ln")
    writer.attention(f"{name}.cross_attn")


def write_voice_model(writer, verdict):
    layers = ((129, 128), (128, 64), (64, 64), (64, 128))
    writer.ints(0x67676D6C, 10)
    writer.out.write(b"silero-16k")
    writer.ints(6, 2, 0, 512, 64, len(layers))
    for into, out in layers:
        writer.ints(into, out, 3)
    writer.ints(128, 128, 128, 1)
    for at, (into, out) in enumerate(layers):
        writer.zeros(f"_model.encoder.{at}.reparam_conv.weight", 3, into, out, kind=F16)
        writer.zeros(f"_model.encoder.{at}.reparam_conv.bias", out)
    for name in ("ih", "hh"):
        writer.zeros(f"_model.decoder.rnn.weight_{name}", 128, 512)
    for name in ("ih", "hh"):
        writer.zeros(f"_model.decoder.rnn.bias_{name}", 512)
    writer.zeros("_model.decoder.decoder.2.weight", 128, kind=F16)
    writer.tensor("_model.decoder.decoder.2.bias", (), F32, floats([verdict]))
    writer.zeros("_model.stft.forward_basis_buffer", 256, 1, 258, kind=F16)


VOICES = {"voices": 8.0, "silence": -8.0}


def main():
    kinds = [*WORDS, *VOICES]
    if len(sys.argv) != 3 or sys.argv[1] not in kinds:
        sys.exit(f"usage: tiny_whisper.py {'|'.join(kinds)} OUTPUT")
    kind = sys.argv[1]
    with open(sys.argv[2], "wb") as out:
        writer = Writer(out)
        if kind in VOICES:
            write_voice_model(writer, VOICES[kind])
            return
        model = Model(kind)
        write_head(writer, model)
        write_encoder(writer)
        write_decoder(writer, model)


if __name__ == "__main__":
    main()
