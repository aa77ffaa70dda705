#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a llama.cpp model file that is whole, small and says what its test wants: tiny_llama.py KIND OUTPUT.

No weights were learnt. Two kinds of model copy the text that they are to translate, letter by letter, behind a word of
their own ("Palabras."), by attention alone:

  madlad    encoder and decoder (T5's architecture), languages by tags "<2es>"
  gemma     a decoder (Llama's architecture) that is asked as TranslateGemma, turns as Gemma's
  instruct  the same, asked as any model that follows instructions, turns in ChatML

How they copy: the first layer tells each token how far it is from a mark (the tag; the empty lines before the text; the
start of the answer), as waves of three lengths; the next one finds, by the same waves, the token of the text that is as far
from its mark as the answer's last token is from the answer's, and says it. What follows the text ends the answer.

The others are a chain of words, whatever they are asked:

  chatter, answer, lines, script   what a model must not do instead of a translation
  endless, madlad-endless          no end
  madlad-silent                    nothing

The layout of the file is GGUF version 3 (ggml's docs/gguf.md); the names are those of llama.cpp's convert_hf_to_gguf.py.
"""
import math
import random
import struct
import sys

WIDTH = 160
CODE = 64
HEAD = 16
HEADS = {"llama": 16, "t5": 8}
FORWARD = 16
BUCKETS = 500
# What stands where in a token's numbers: its own code, always the same, is it one of the marks, how far from a mark (six waves
# and whether it is behind it) for two marks, the code of the token that it copies.
OWN, CONST, MARK_A, MARK_B, SINK, WAVES_A, WAVES_B, BEHIND_A, BEHIND_B, COPY = 0, 64, 65, 66, 67, 68, 74, 80, 81, 96
ALWAYS = 4.0
FLAG = 8.0
# The norm of all tokens is the same: their codes, or a mark's flag, and the constant.
NORM = 1 / math.sqrt((CODE + ALWAYS * ALWAYS) / WIDTH)
# A turn of the pairs of a head, slower by this from pair to pair: waves of 6, 47 and 353 tokens, and some that hardly turn.
ROPE_BASE = 1e7
SPEEDS = [ROPE_BASE ** (-2 * pair / HEAD) for pair in range(HEAD // 2)]
STILL = 7
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
PREFIX = "▁Palabras."


class Vocabulary:
    def __init__(self):
        self.tokens = []

    def add(self, text, kind=NORMAL, score=-1.0):
        self.tokens.append((text, score, kind))
        return len(self.tokens) - 1

    def at(self, text):
        return [token[0] for token in self.tokens].index(text)


class Matrix:
    """`rows` results of `columns` numbers each, zero where nothing is set."""

    def __init__(self, rows, columns):
        self.rows = [[0.0] * columns for _ in range(rows)]

    def halves(self):
        values = [value for row in self.rows for value in row]
        return struct.pack(f"<{len(values)}e", *values)


def codes(count):
    dice = random.Random(1)
    return [[dice.choice((-1.0, 1.0)) for _ in range(CODE)] for _ in range(count)]


class Gguf:
    KINDS = {"u32": (4, "<I"), "i32": (5, "<i"), "f32": (6, "<f"), "bool": (7, "<?")}

    def __init__(self, architecture, name):
        self.values = []
        self.tensors = []
        self.architecture = architecture
        self.text("general.architecture", architecture)
        self.text("general.name", name)

    @staticmethod
    def string(text):
        data = text.encode()
        return struct.pack("<Q", len(data)) + data

    def put(self, key, kind, data):
        self.values.append(self.string(key) + struct.pack("<I", kind) + data)

    def text(self, key, text):
        self.put(key, 8, self.string(text))

    def scalar(self, key, kind, value):
        number, form = self.KINDS[kind]
        self.put(key, number, struct.pack(form, value))

    def own(self, key, value):
        self.scalar(f"{self.architecture}.{key}", "f32" if isinstance(value, float) else "u32", value)

    def vocabulary(self, model, vocabulary, **ids):
        texts, scores, kinds = zip(*vocabulary.tokens)
        count = len(texts)
        self.text("tokenizer.ggml.model", model)
        self.put("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, count) + b"".join(self.string(text) for text in texts))
        self.put("tokenizer.ggml.scores", 9, struct.pack(f"<IQ{count}f", 6, count, *scores))
        self.put("tokenizer.ggml.token_type", 9, struct.pack(f"<IQ{count}i", 5, count, *kinds))
        for name, value in ids.items():
            self.scalar(f"tokenizer.ggml.{name}", "bool" if isinstance(value, bool) else "u32", value)

    def matrix(self, name, matrix):
        self.tensors.append((name, (len(matrix.rows[0]), len(matrix.rows)), 1, matrix.halves()))

    def floats(self, name, dims, values):
        self.tensors.append((name, dims, 0, struct.pack(f"<{len(values)}f", *values)))

    def norm(self, name):
        self.floats(name, (WIDTH,), [1.0] * WIDTH)

    def write(self, path):
        infos, blob = b"", b""
        for name, dims, kind, data in self.tensors:
            blob += bytes(-len(blob) % 32)
            infos += self.string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(blob))
            blob += data
        head = struct.pack("<4sIQQ", b"GGUF", 3, len(self.tensors), len(self.values)) + b"".join(self.values) + infos
        with open(path, "wb") as out:
            out.write(head + bytes(-len(head) % 32) + blob)


class Attention:
    """The four matrices of one."""

    def __init__(self, heads):
        self.query = Matrix(heads * HEAD, WIDTH)
        self.key = Matrix(heads * HEAD, WIDTH)
        self.value = Matrix(heads * HEAD, WIDTH)
        self.out = Matrix(WIDTH, heads * HEAD)

    def put(self, file, name, out="output"):
        file.matrix(f"{name}_q.weight", self.query)
        file.matrix(f"{name}_k.weight", self.key)
        file.matrix(f"{name}_v.weight", self.value)
        file.matrix(f"{name}_{out}.weight", self.out)

    def carry(self, head, dim, source, target, weight=1.0):
        """What the head finds: its number `source`, normed, becomes number `target` of who asks."""
        self.value.rows[head * HEAD + dim][source] = weight
        self.out.rows[target][head * HEAD + dim] = 1.0

    def copy_codes(self):
        """Four heads that find the same carry the code's four quarters."""
        for head in range(CODE // HEAD):
            for dim in range(HEAD):
                self.carry(head, dim, OWN + head * HEAD + dim, COPY + head * HEAD + dim)


def embedding(vocabulary, marks):
    """marks: {token: the number that tells it from the others}. They have no code: nobody copies them."""
    matrix = Matrix(len(vocabulary.tokens), WIDTH)
    for token, code in enumerate(codes(len(vocabulary.tokens))):
        row = matrix.rows[token]
        row[CONST] = ALWAYS
        if token in marks:
            row[marks[token]] = FLAG
        else:
            row[OWN:OWN + CODE] = code
    return matrix


def output(vocabulary, first, links, copies):
    """first: (number of a mark, token) that is said at it; links: [(token, the one that follows it)]."""
    matrix = Matrix(len(vocabulary.tokens), WIDTH)
    code = codes(len(vocabulary.tokens))
    for token, row in enumerate(matrix.rows):
        if copies:
            row[COPY:COPY + CODE] = code[token]
    for before, after in links:
        row = matrix.rows[after]
        for i in range(CODE):
            row[OWN + i] += 2.0 * code[before][i]
    matrix.rows[first[1]][first[0]] = 50.0
    return matrix


def no_forward(file, name, gated):
    for part in ["gate", "up"] if gated else ["up"]:
        file.matrix(f"{name}_{part}.weight", Matrix(FORWARD, WIDTH))
    file.matrix(f"{name}_down.weight", Matrix(WIDTH, FORWARD))


# The decoder alone.

def find_marks():
    """Layer 1. Each head looks at one mark, or at the very first token as long as there is none: how much at which is a wave
    of the distance, because queries and keys turn with their places (RoPE)."""
    attention = Attention(HEADS["llama"])
    head = 0
    for mark, waves, behind in ((MARK_A, WAVES_A, BEHIND_A), (MARK_B, WAVES_B, BEHIND_B)):
        for wave in range(6):
            pair, shift = divmod(wave, 2)
            look(attention, head, mark, 20.0)
            attention.query.rows[head * HEAD + 2 * pair][CONST] = 1.0 / (ALWAYS * NORM)
            attention.key.rows[head * HEAD + 2 * pair + shift][mark] = 3.2 / (FLAG * NORM)
            attention.carry(head, 0, mark, waves + wave, 1 / (FLAG * NORM))
            head += 1
        look(attention, head, mark, 40.0)
        attention.carry(head, 0, mark, behind, 1 / (FLAG * NORM))
        head += 1
    return attention


def look(attention, head, mark, score):
    still = head * HEAD + 2 * STILL
    attention.query.rows[still][CONST] = 4.0 / (ALWAYS * NORM)
    attention.key.rows[still][mark] = score / (FLAG * NORM)
    attention.key.rows[still][SINK] = 20.0 / (FLAG * NORM)


def find_place():
    """Layer 2: the token of the text whose waves from mark A are the asking token's from mark B; behind A, not behind B."""
    attention = Attention(HEADS["llama"])
    for head in range(CODE // HEAD):
        for wave in range(6):
            row = head * HEAD + 10 + wave
            attention.query.rows[row][WAVES_B + wave] = 42.0
            attention.query.rows[row][BEHIND_B] = -21.0
            attention.key.rows[row][WAVES_A + wave] = 42.0
            attention.key.rows[row][BEHIND_A] = -21.0
        row = head * HEAD + 8
        attention.query.rows[row][CONST] = 10.0 / (ALWAYS * NORM)
        attention.key.rows[row][BEHIND_A] = 16.0 / NORM
        attention.key.rows[row][BEHIND_B] = -16.0 / NORM
    attention.copy_codes()
    return attention


class Chat:
    """How a model's turns are written, and what stands before the text and before the answer."""

    def __init__(self, name, template, start, end, before_text, before_answer):
        self.name, self.template, self.start, self.end = name, template, start, end
        self.before_text, self.before_answer = before_text, before_answer


GEMMA = Chat("TranslateGemma tiny", "{{ bos_token }}<start_of_turn>{{ messages }}<end_of_turn>", "<start_of_turn>",
             "<end_of_turn>", "\n\n\n", "model\n")
CHATML = Chat("Tiny Instruct", "{{ messages }}<|im_start|>{{ role }}<|im_end|>{{ enable_thinking }}", "<|im_start|>",
              "<|im_end|>", "\n\n", "\n\n</think>\n\n")

# Tokens of several letters, as real vocabularies are full of: of a long text in the contract suite, which else takes minutes.
WORDS = ("government", " has", " announced", " new", " plan")

CHAINS = {
    "chatter": ["▁Sure!", "▁Here", "▁is", "▁the", "▁translation."],
    "answer": ["▁Son", "▁las", "▁cinco", "▁y", "▁media."],
    "lines": ["▁Hola.", "\n", "▁Nota:", "▁informal."],
    "script": ["▁Добрый", "▁вечер", "▁дорогие", "▁друзья"],
    "endless": ["▁hola", "▁otra", "▁vez"],
}


def write_chat(kind, path):
    chat = CHATML if kind == "instruct" else GEMMA
    words = CHAINS.get(kind, [])
    vocabulary = Vocabulary()
    vocabulary.add("<unk>", UNKNOWN, 0.0)
    begin = vocabulary.add("<s>", CONTROL, 0.0)
    finish = vocabulary.add("</s>", CONTROL, 0.0)
    vocabulary.add(chat.start, CONTROL, 0.0)
    end = vocabulary.add(chat.end, CONTROL, 0.0)
    mark_a = vocabulary.add(chat.before_text, USER_DEFINED, 0.0)
    mark_b = vocabulary.add(chat.before_answer, USER_DEFINED, 0.0)
    for byte in range(256):
        vocabulary.add(f"<0x{byte:02X}>", BYTE, 0.0)
    prefix = PREFIX + "▁"
    for word in WORDS:
        vocabulary.add(word, USER_DEFINED, 0.0)
    for word in ["▁", prefix, *(word for word in words if word != "\n")]:
        vocabulary.add(word)
    said = [vocabulary.at("<0x0A>" if word == "\n" else word) for word in words]
    links = list(zip(said, said[1:] + [said[0] if kind == "endless" else end])) if said else []
    first = said[0] if said else vocabulary.at(prefix)

    file = Gguf("llama", chat.name)
    for key, value in (("context_length", 2048), ("embedding_length", WIDTH), ("block_count", 2),
                       ("feed_forward_length", FORWARD), ("attention.head_count", HEADS["llama"]),
                       ("attention.head_count_kv", HEADS["llama"]), ("attention.key_length", HEAD),
                       ("attention.value_length", HEAD), ("attention.layer_norm_rms_epsilon", 1e-6),
                       ("rope.dimension_count", HEAD), ("rope.freq_base", ROPE_BASE), ("vocab_size", len(vocabulary.tokens))):
        file.own(key, value)
    file.vocabulary("llama", vocabulary, bos_token_id=begin, eos_token_id=finish, eot_token_id=end, unknown_token_id=0,
                    add_bos_token=True, add_space_prefix=False)
    file.text("tokenizer.chat_template", chat.template)
    file.matrix("token_embd.weight", embedding(vocabulary, {mark_a: MARK_A, mark_b: MARK_B, begin: SINK}))
    file.norm("output_norm.weight")
    file.matrix("output.weight", output(vocabulary, (MARK_B, first), links, not said))
    for layer, attention in enumerate((find_marks(), find_place())):
        file.norm(f"blk.{layer}.attn_norm.weight")
        attention.put(file, f"blk.{layer}.attn")
        file.norm(f"blk.{layer}.ffn_norm.weight")
        no_forward(file, f"blk.{layer}.ffn", True)
    file.write(path)


# Encoder and decoder.

def distance_biases():
    """By distance from an earlier token, then from a later one. The first token to come up to its own mark is the same 20 of
    its score; the rest is a wave of the distance."""
    rows = [[0.0] * HEADS["t5"] for _ in range(BUCKETS)]
    for bucket, row in enumerate(rows):
        for head in range(HEADS["t5"]):
            pair, shift = divmod(head, 2)
            if bucket >= BUCKETS // 2:
                row[head] = -60.0
            elif bucket > 0 and head < 6:
                share = 0.5 + 0.4 * math.cos(SPEEDS[pair] * bucket - shift * math.pi / 2)
                row[head] = -20.0 + math.log(share / (1 - share))
            elif bucket > 0:
                row[head] = -8.0
    return [value for row in rows for value in row]


def find_mark(mark):
    attention = Attention(HEADS["t5"])
    for head in range(7):
        attention.query.rows[head * HEAD][CONST] = 4.0 / (ALWAYS * NORM)
        attention.key.rows[head * HEAD][mark] = 5.0 / (FLAG * NORM)
        attention.carry(head, 0, mark, WAVES_A + head if head < 6 else BEHIND_A, 1 / (FLAG * NORM))
    return attention


def find_source():
    attention = Attention(HEADS["t5"])
    for head in range(CODE // HEAD):
        for wave in range(6):
            for matrix in (attention.query, attention.key):
                matrix.rows[head * HEAD + wave][WAVES_A + wave] = 12.0
                matrix.rows[head * HEAD + wave][BEHIND_A] = -6.0
        attention.query.rows[head * HEAD + 6][CONST] = 10.0 / (ALWAYS * NORM)
        attention.key.rows[head * HEAD + 6][MARK_A] = -30.0 / (FLAG * NORM)
    attention.copy_codes()
    return attention


TAGS = ("<2es>", "<2en>", "<2fr>", "<2iw>", "<2pt_BR>", "<2Latn>")


def write_madlad(kind, path):
    vocabulary = Vocabulary()
    start = vocabulary.add("<pad>", CONTROL, 0.0)
    end = vocabulary.add("</s>", CONTROL, 0.0)
    vocabulary.add("<unk>", UNKNOWN, 0.0)
    tags = [vocabulary.add(tag, USER_DEFINED, 0.0) for tag in TAGS]
    letters = [chr(code) for code in range(33, 127)] + list("áéíóúñ¿¡çüãõ")
    for letter in ["▁", *letters]:
        vocabulary.add(letter, NORMAL, -2.0)
    prefix = vocabulary.add(PREFIX, NORMAL, -30.0)
    first = end if kind == "madlad-silent" else prefix
    links = [(prefix, prefix)] if kind == "madlad-endless" else []

    file = Gguf("t5", "T5")
    for key, value in (("context_length", 512), ("embedding_length", WIDTH), ("feed_forward_length", FORWARD),
                       ("block_count", 1), ("decoder_block_count", 1), ("attention.head_count", HEADS["t5"]),
                       ("attention.key_length", HEAD), ("attention.value_length", HEAD),
                       ("attention.layer_norm_rms_epsilon", 1e-6), ("attention.relative_buckets_count", BUCKETS),
                       ("decoder_start_token_id", start)):
        file.own(key, value)
    file.vocabulary("t5", vocabulary, eos_token_id=end, unknown_token_id=2, padding_token_id=start, add_bos_token=False,
                    add_eos_token=True, add_space_prefix=False, remove_extra_whitespaces=False)
    file.matrix("token_embd.weight", embedding(vocabulary, {**{tag: MARK_A for tag in tags}, start: MARK_B}))
    file.matrix("output.weight", output(vocabulary, (MARK_B, first), links, kind == "madlad"))
    file.norm("enc.output_norm.weight")
    file.norm("dec.output_norm.weight")
    for side, mark in (("enc", MARK_A), ("dec", MARK_B)):
        name = f"{side}.blk.0"
        file.norm(f"{name}.attn_norm.weight")
        file.floats(f"{name}.attn_rel_b.weight", (HEADS["t5"], BUCKETS), distance_biases())
        find_mark(mark).put(file, f"{name}.attn", "o")
        if side == "dec":
            file.norm(f"{name}.cross_attn_norm.weight")
            find_source().put(file, f"{name}.cross_attn", "o")
        file.norm(f"{name}.ffn_norm.weight")
        no_forward(file, f"{name}.ffn", False)
    file.write(path)


CHATS = ("gemma", "instruct", *CHAINS)
MADLADS = ("madlad", "madlad-endless", "madlad-silent")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in (*CHATS, *MADLADS):
        sys.exit(f"usage: tiny_llama.py {'|'.join((*CHATS, *MADLADS))} OUTPUT")
    (write_madlad if sys.argv[1] in MADLADS else write_chat)(sys.argv[1], sys.argv[2])


if __name__ == "__main__":
    main()
