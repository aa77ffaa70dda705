#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a Piper voice that is whole and small, its model and what stands beside it: tiny_piper.py KIND OUTPUT.onnx

No weights were learnt: each model computes its sound from the number of phonemes, the length scale and the speaker, with a
few operators of ONNX (its format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, opset 15).

  voice     Spanish by eSpeak NG's phonemes: a tone of 220 Hz, 512 samples for each number
  speakers  English, three speakers (low 110, middle 220 and high 440 Hz)
  letters   Spanish, knows letters and no phonemes: each number is heard, as 4 samples of number/1024
  slow      English letters, with a loop in front of it that nobody lives to see the end of
  endless   as voice, but ten minutes long whatever the text
  nothing   as voice, but not a single sample
  numbers   as voice, but its samples are not numbers (NaN)
  scales    refused: its scales are four
  types     refused: its phonemes are 32 bit numbers
  missing   refused: it needs an input that Piper does not have
  speaker   refused: three speakers are told, its model takes none
"""
import json
import math
import struct
import sys

RATE = 22050
SPAN = 512
LETTER_SPAN = 4
FLOAT, INT32, INT64, BOOL = 1, 6, 7, 9
TENSOR, GRAPH, INT = 4, 5, 2
PITCHES = (110.0, 220.0, 440.0)
IPA = " !'(),-.:;?abcdefhijklmnopqrstuvwxyzæçðøħŋœɐɑɒɔɕəɚɛɜɟɡɣɥɨɪɫɭɯɲɳɹɻɾʁʂʃʈʉʊʋʌʎʏʐʒʔʝˈˌːˑβθχᵻ\u0303\u0329\u032a\u0361"
LETTERS = " !,.:;?abcdefghijklmnopqrstuvwxyz\u0301\u0303"


def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def chunk(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, kind, dims, values):
    form = {FLOAT: "f", INT64: "q", BOOL: "?"}[kind]
    raw = struct.pack(f"<{len(values)}{form}", *values)
    return b"".join(number(1, dim) for dim in dims) + number(2, kind) + chunk(8, name) + chunk(9, raw)


def value_info(name, kind, dims):
    """dims: sizes, or names of sizes that may be any."""
    shape = b"".join(chunk(1, chunk(2, dim) if isinstance(dim, str) else number(1, dim)) for dim in dims)
    return chunk(1, name) + chunk(2, chunk(1, number(1, kind) + chunk(2, shape)))


def node(kind, inputs, outputs, attributes=b""):
    return (b"".join(chunk(1, name) for name in inputs) + b"".join(chunk(2, name) for name in outputs)
            + chunk(3, outputs[0]) + chunk(4, kind) + attributes)


def to_kind(kind):
    return chunk(5, chunk(1, "to") + number(3, kind) + number(20, INT))


def graph(name, nodes, initializers, inputs, outputs):
    return (b"".join(chunk(1, one) for one in nodes) + chunk(2, name) + b"".join(chunk(5, one) for one in initializers)
            + b"".join(chunk(11, one) for one in inputs) + b"".join(chunk(12, one) for one in outputs))


def model(whole):
    return number(1, 8) + chunk(2, "tiny_piper") + chunk(7, whole) + chunk(8, chunk(1, "") + number(2, 15))


class Voice:
    """A graph in the making."""

    def __init__(self, kind):
        self.kind = kind
        self.letters = kind in ("letters", "slow")
        self.nodes = []
        self.constants = []

    def constant(self, name, kind, dims, values):
        self.constants.append(tensor(name, kind, dims, values))
        return name

    def scalar(self, name, value, kind=FLOAT):
        return self.constant(name, kind, (), (value,))

    def step(self, kind, output, *inputs, attributes=b""):
        self.nodes.append(node(kind, inputs, (output,), attributes))
        return output

    def length(self):
        """How many samples: the phonemes, as counted and as told, by the length scale."""
        self.step("Size", "count", "input")
        self.step("Cast", "counted", "count", attributes=to_kind(FLOAT))
        self.step("Cast", "told_1", "input_lengths", attributes=to_kind(FLOAT))
        self.step("Reshape", "told", "told_1", self.constant("no_dims", INT64, (0,), ()))
        self.step("Min", "phonemes", "counted", "told")
        self.step("Gather", "scale", "scales", self.scalar("one", 1, INT64))
        self.step("Mul", "scaled", "phonemes", "scale")
        span = {"endless": 0.0, "nothing": 0.0}.get(self.kind, LETTER_SPAN if self.letters else SPAN)
        self.step("Mul", "spanned", "scaled", self.scalar("span", float(span)))
        more = RATE * 600.0 if self.kind == "endless" else 0.0
        self.step("Add", "samples_any", "spanned", self.scalar("more", more))
        return self.step("Floor", "samples", "samples_any")

    def times(self):
        return self.step("Range", "times", self.scalar("zero", 0.0), self.length(), self.scalar("step", 1.0))

    def tone(self):
        turns = [2.0 * math.pi * pitch / RATE for pitch in PITCHES]
        if self.kind == "speakers":
            omega = self.step("Gather", "omega", self.constant("omegas", FLOAT, (len(turns),), turns), "sid")
        else:
            omega = self.scalar("omega", turns[1])
        self.step("Mul", "angles", self.times(), omega)
        loud = math.nan if self.kind == "numbers" else 0.3
        return self.step("Mul", "sound", self.step("Sin", "sines", "angles"), self.scalar("loudness", loud))

    def heard_numbers(self):
        self.step("Reshape", "numbers", "input", self.constant("flat", INT64, (1,), (-1,)))
        self.times()
        self.step("Div", "per_number", "samples", "counted")
        self.step("Div", "places_any", "times", "per_number")
        self.step("Cast", "places", self.step("Floor", "places_whole", "places_any"), attributes=to_kind(INT64))
        self.step("Cast", "heard", self.step("Gather", "said", "numbers", "places"), attributes=to_kind(FLOAT))
        return self.step("Mul", "sound", "heard", self.scalar("level", 1.0 / 1024.0))

    def delayed(self, sound):
        """Adds nothing, in a loop of so many turns that nobody waits for its end."""
        body = graph("turn", [node("Identity", ("go_on",), ("go_on_out",)), node("Add", ("sum", "nil"), ("sum_out",))],
                     [tensor("nil", FLOAT, (), (0.0,))],
                     [value_info("turn", INT64, ()), value_info("go_on", BOOL, ()), value_info("sum", FLOAT, ())],
                     [value_info("go_on_out", BOOL, ()), value_info("sum_out", FLOAT, ())])
        attribute = chunk(5, chunk(1, "body") + chunk(6, body) + number(20, GRAPH))
        self.step("Mul", "start", "samples", self.scalar("nought", 0.0))
        self.step("Loop", "delay", self.scalar("turns", 1 << 40, INT64), self.scalar("yes", True, BOOL), "start",
                  attributes=attribute)
        return self.step("Add", "late", sound, "delay")

    def whole(self):
        sound = self.heard_numbers() if self.letters else self.tone()
        if self.kind == "slow":
            sound = self.delayed(sound)
        self.step("Reshape", "output", sound, self.constant("row", INT64, (4,), (1, 1, 1, -1)))
        inputs = [value_info("input", INT32 if self.kind == "types" else INT64, ("batch_size", "phonemes")),
                  value_info("input_lengths", INT64, ("batch_size",)),
                  value_info("scales", FLOAT, (4 if self.kind == "scales" else 3,))]
        if self.kind == "speakers":
            inputs.append(value_info("sid", INT64, ("batch_size",)))
        if self.kind == "missing":
            inputs.append(value_info("lid", INT64, ("batch_size",)))
        return graph(self.kind, self.nodes, self.constants, inputs,
                     [value_info("output", FLOAT, ("batch_size", 1, 1, "time"))])


def settings(kind):
    letters = kind in ("letters", "slow")
    english = kind in ("speakers", "slow")
    names = LETTERS if letters else IPA
    ids = {"_": [0], "^": [1], "$": [2]}
    ids.update((name, [3 + at]) for at, name in enumerate(names))
    out = {"audio": {"sample_rate": RATE, "quality": "tiny"},
           "espeak": {"voice": "en-us" if english else "es"},
           "phoneme_type": "text" if letters else "espeak",
           "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
           "language": {"code": "en_US" if english else "es_ES", "family": "en" if english else "es"},
           "num_symbols": 256, "num_speakers": 1, "phoneme_map": {}, "phoneme_id_map": ids, "speaker_id_map": {}}
    if kind in ("speakers", "speaker"):
        out["num_speakers"] = 3
        out["speaker_id_map"] = {"low": 0, "middle": 1, "high": 2}
    return out


KINDS = ("voice", "speakers", "letters", "slow", "endless", "nothing", "numbers", "scales", "types", "missing", "speaker")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: tiny_piper.py {'|'.join(KINDS)} OUTPUT.onnx")
    kind, path = sys.argv[1:]
    with open(path, "wb") as out:
        out.write(model(Voice(kind).whole()))
    with open(path + ".json", "w", encoding="utf-8") as out:
        json.dump(settings(kind), out, ensure_ascii=False, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
