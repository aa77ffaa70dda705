# SPDX-License-Identifier: GPL-3.0-or-later
"""The program: flags, exit codes, messages."""
import os
import subprocess
import time


def run(program, *arguments, **environment):
    return subprocess.run([program("sts-service"), "--log-dir", "", *arguments], capture_output=True, text=True,
                          timeout=30, env={**os.environ, **environment})


def test_help_version_print_config(program):
    shown = run(program, "--help")
    assert shown.returncode == 0 and "--echo-delay-ms" in shown.stdout and "STS_ASR_ENGINE" in shown.stdout
    assert run(program, "--version").returncode == 0
    shown = run(program, "--print-config", STS_API_KEY="secret-key")
    assert shown.returncode == 0 and "STS_PORT" in shown.stdout and "secret-key" not in shown.stdout + shown.stderr


def test_all_problems_at_once(program):
    failed = run(program, "--port", "70000", "--mode", "loud", "--require-auth", "--tls-cert", "x.pem")
    assert failed.returncode == 2
    assert all(name in failed.stderr for name in ("STS_PORT", "STS_MODE")), failed.stderr
    failed = run(program, "--require-auth", "--tls-cert", "x.pem")
    assert failed.returncode == 2
    assert all(name in failed.stderr for name in ("STS_API_KEY", "STS_TLS_KEY")), failed.stderr


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
