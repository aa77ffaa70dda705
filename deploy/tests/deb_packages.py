"""The Debian packages as tests need them: built once per run, and again with a higher version."""
import os
import pathlib
import shutil
import subprocess

from machine import ROOT

# Higher than any.
NEWER = "99.0"


def build(folder):
    """The packages of HEAD in folder; those of DEB_DIR where that is set, which saves a minute or two."""
    if os.environ.get("DEB_DIR"):
        return pathlib.Path(os.environ["DEB_DIR"]).resolve()
    subprocess.run([ROOT / "scripts/deb.sh"], check=True, env={**os.environ, "DEB_OUT": str(folder)})
    return folder


def version(folder):
    return subprocess.run(["dpkg-deb", "-f", next(folder.glob("live-dubbing_*.deb")), "Version"], check=True,
                          capture_output=True, text=True).stdout.strip()


def with_version(folder, target, newer, replace=None):
    """The same packages with another version: to dpkg an upgrade like any other. replace: a file in them by another one."""
    target.mkdir(parents=True)
    old = version(folder)
    for deb in sorted(folder.glob("*.deb")):
        tree = target / "tree"
        subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace(f"Version: {old}\n", f"Version: {newer}\n").replace(f"(= {old})", f"(= {newer})"))
        for name, source in (replace or {}).items():
            if (tree / name).exists():
                shutil.copy(source, tree / name)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, target / deb.name.replace(f"_{old}_", f"_{newer}_")],
                       check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)
    sums = subprocess.run("sha256sum -- *.deb", shell=True, cwd=target, check=True, capture_output=True, text=True).stdout
    (target / "SHA256SUMS").write_text(sums)
    return target
