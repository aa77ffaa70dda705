# SPDX-License-Identifier: GPL-3.0-or-later
"""The program: flags, exit codes, messages."""
import json
import os
import subprocess
import time


def run(program, *arguments, **environment):
    return subprocess.run([program("sts-service"), "--log-dir", "", *arguments], capture_output=True, text=True,
                          timeout=30, env={**os.environ, **environment})


def run_models(program, *words, **environment):
    return subprocess.run([program("sts-service"), "models", *words], capture_output=True, text=True, timeout=30,
                          env={**os.environ, **environment}, check=False)


def test_help_version_print_config(program):
    shown = run(program, "--help")
    assert shown.returncode == 0 and "--echo-delay-ms" in shown.stdout and "STS_ASR_ENGINE" in shown.stdout
    assert run(program, "--version").returncode == 0
    shown = run(program, "--print-config", STS_API_KEY="secret-key")
    assert shown.returncode == 0 and "STS_PORT" in shown.stdout and "secret-key" not in shown.stdout + shown.stderr


def test_models_are_listed_checked_and_found(program, tmp_path):
    def models(*words):
        return run_models(program, *words, STS_MODEL_CACHE_DIR=str(tmp_path))
    assert models("list").returncode == 0 and str(tmp_path) in models("list").stdout
    known = {model["name"]: model for model in json.loads(models("list", "--json").stdout)}
    assert known["base"]["path"] == str(tmp_path / "ggml-base.bin") and known["base"]["state"] == "-"
    (tmp_path / "ggml-base.bin").write_bytes(b"half of it")
    assert models("check").returncode == 1 and "ggml-base.bin" in models("check").stderr
    assert models("path", "base").returncode == 1
    assert models("fetch").returncode == 2 and models("fetch").stderr.startswith("usage: ")


def test_all_problems_at_once(program):
    failed = run(program, "--port", "70000", "--mode", "loud", "--require-auth", "--tls-cert", "x.pem")
    assert failed.returncode == 2
    assert all(name in failed.stderr for name in ("STS_PORT", "STS_MODE")), failed.stderr
    failed = run(program, "--require-auth", "--tls-cert", "x.pem")
    assert failed.returncode == 2
    assert all(name in failed.stderr for name in ("STS_API_KEY", "STS_TLS_KEY")), failed.stderr


def test_all_that_is_named_is_looked_at(program, tmp_path):
    """Files, folders and addresses are in one list with the values themselves."""
    broken = tmp_path / "file"
    broken.write_text("{")
    failed = run(program, "--port", "70000", "--addr", "999.1.1.1", "--tls-cert", str(broken), "--tls-key", str(broken),
                 "--voices-file", str(broken), "--glossary-file", str(broken), "--artifact-dir", str(broken),
                 "--model-cache-dir", str(broken), "--device", "cuda", STS_API_KEY_FILE=str(tmp_path / "none"))
    assert failed.returncode == 2
    listed = [line.split()[0].rstrip(":") for line in failed.stderr.splitlines()[1:]]
    expected = {"STS_PORT", "STS_API_KEY_FILE", "STS_ADDR", "STS_TLS_CERT", "STS_TLS_KEY", "STS_VOICES_FILE",
                "STS_GLOSSARY_FILE", "STS_ARTIFACT_DIR", "STS_MODEL_CACHE_DIR"}
    assert set(listed) >= expected, failed.stderr
    assert set(listed) - expected <= {"STS_DEVICE"}  # where there is no GPU


def test_what_engines_cannot_do(program, tmp_path):
    failed = run(program, "--port", "0", "--tts-model", "es.bin", "--translation-engine", "identity",
                 "--translation-model", "x")
    assert failed.returncode == 2
    assert "STS_TTS_MODEL" in failed.stderr and "STS_TRANSLATION_MODEL" in failed.stderr, failed.stderr
    failed = run(program, "--port", "0", "--device", "cuda")
    assert failed.returncode == 2 and "STS_DEVICE" in failed.stderr and "auto or cpu" in failed.stderr


def test_half_a_model_is_named(program, tmp_path):
    (tmp_path / "en-xx" / "acoustic").mkdir(parents=True)
    (tmp_path / "en-xx" / "acoustic" / "mdef").write_bytes(b"BMDF")
    failed = run(program, "--port", "0", "--model-cache-dir", str(tmp_path), "--asr-model", "en-xx")
    assert failed.returncode == 11, failed.stderr
    assert "STS_ASR_MODEL" in failed.stderr and str(tmp_path / "en-xx") in failed.stderr


def test_busy_port(program, echo):
    failed = run(program, "--mode", "echo", "--port", str(echo.port))
    assert failed.returncode == 10 and str(echo.port) in failed.stderr


def test_missing_engine(program):
    for flag in ("--asr-engine", "--translation-engine", "--tts-engine"):
        failed = run(program, "--port", "0", flag, "nonsense")
        assert failed.returncode == 11 and "nonsense" in failed.stderr, failed.stderr
    failed = run(program, "--port", "0", "--asr-engine", "pocketsphinx", "--asr-model", "/nowhere")
    assert failed.returncode == 11 and "/nowhere" in failed.stderr


def test_bad_voices_file(program, tmp_path):
    broken = tmp_path / "voices.json"
    broken.write_text("{")
    failed = run(program, "--port", "0", "--voices-file", str(broken))
    assert failed.returncode == 2 and "voices.json" in failed.stderr


def test_bad_certificate(program, tmp_path):
    (tmp_path / "a.pem").write_text("no certificate")
    failed = run(program, "--mode", "echo", "--port", "0", "--tls-cert", str(tmp_path / "a.pem"),
                 "--tls-key", str(tmp_path / "a.pem"))
    assert failed.returncode == 2 and "a.pem" in failed.stderr


def test_echo_is_ready_in_two_seconds(start_sts):
    started = time.monotonic()
    start_sts("--mode", "echo")
    assert time.monotonic() - started < 2
