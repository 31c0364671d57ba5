# Shared by the scripts in this folder. Sourced, never run:  . "$(dirname -- "$0")/lib.sh"
#
# Everything it makes stays in the repository folder: .venv* and .build.
# shellcheck shell=sh

# POSIX sh cannot ask where a sourced file is, but every caller is a file in scripts/.
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
BUILD=$ROOT/.build
PYTHON=${PYTHON:-python3}

# Inherited, these would put other code in front of what the scripts install.
unset PYTHONPATH PYTHONHOME
# runuser and the helpers of dpkg live in sbin, which a plain PATH leaves out.
PATH=$PATH:/usr/sbin:/sbin
export PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

# Progress goes to stderr: stdout belongs to the result (a URL, the demo's output).
say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# quietly LOG COMMAND...: keep the output in a file of .build and show it only when the command fails.
quietly() {
    log=$1
    shift
    mkdir -p "$BUILD"
    "$@" >"$log" 2>&1 || { cat "$log" >&2; die "failed: $*"; }
}

# install_debian PACKAGE: only root may install, so anybody else is told the one command.
install_debian() {
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        die "the Debian package $1 is needed. Run: sudo apt-get install $1"
    fi
    say "installing the Debian package $1"
    mkdir -p "$BUILD"
    # Two scripts may be at it, and apt gives up where another one has begun.
    (
        flock 9
        quietly "$BUILD/apt.log" apt-get update
        quietly "$BUILD/apt.log" env DEBIAN_FRONTEND=noninteractive apt-get install -y "$1"
    ) 9>"$BUILD/apt.lock"
}

# ensure_program PROGRAM PACKAGE: a program of Debian that tests or benches run.
ensure_program() {
    command -v "$1" >/dev/null 2>&1 || install_debian "$2"
}

# ensure_node_sdks: the packages of tests/sdks/package-lock.json, in .build/sdks. Their install scripts do not run.
ensure_node_sdks() {
    ensure_program node nodejs
    ensure_program npm npm
    stamp=$(cat "$ROOT/tests/sdks/package-lock.json")
    if stamped "$BUILD/sdks/.stamp" "$stamp"; then return; fi
    say ".build/sdks: installing tests/sdks/package-lock.json (once; it may take a minute)"
    rm -rf "$BUILD/sdks"
    mkdir -p "$BUILD/sdks"
    cp "$ROOT/tests/sdks/package.json" "$ROOT/tests/sdks/package-lock.json" "$BUILD/sdks"
    quietly "$BUILD/npm.log" npm ci --prefix "$BUILD/sdks" --ignore-scripts --no-audit --no-fund
    printf '%s\n' "$stamp" >"$BUILD/sdks/.stamp"
}

# ensure_test_tools: what tests need beside Tailrace and its own venv.
ensure_test_tools() {
    # Their packages are pinned apart from ours. The tests that need the servers start them.
    ensure_venv "$ROOT/.venv-s3" "$ROOT/requirements/s3.txt"
    # SDKs that send to the server as they are, each kind apart from ours.
    ensure_venv "$ROOT/.venv-sdks" "$ROOT/requirements/sdks.txt"
    ensure_node_sdks
    # What downloads and web pages are tested with.
    ensure_program nginx nginx-light
    ensure_program wget wget
    ensure_program curl curl
    ensure_program chromium chromium
}

# Debian splits venv from python3, so a Python that runs may still be unable to make one.
ensure_python() {
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || install_debian python3-venv
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "Tailrace needs Python 3.11 or newer; $PYTHON is $("$PYTHON" -V 2>&1). Set PYTHON to a newer one."
}

# stamped FILE VALUE: does FILE hold VALUE? A stamp is written last, so half-finished work has none.
stamped() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# venv_stamp DIR REQFILE: what the venv depends on. Its own path counts: a venv breaks when it is moved.
venv_stamp() {
    "$PYTHON" -I - "$@" <<'PY'
import hashlib, pathlib, sys
print(hashlib.sha256(pathlib.Path(sys.argv[2]).read_bytes()).hexdigest(), *sys.version.split(), sys.argv[1])
PY
}

# ensure_venv DIR REQFILE: a venv that holds exactly the pinned packages of REQFILE.
ensure_venv() {
    ensure_python
    stamp=$(venv_stamp "$1" "$2")
    if stamped "$1/.stamp" "$stamp"; then
        say "${1#"$ROOT"/}: up to date"
        return
    fi
    say "${1#"$ROOT"/}: installing ${2#"$ROOT"/} (once; it may take a minute)"
    # From scratch: a package left over from an older pin would hide one that is missing.
    "$PYTHON" -m venv --clear "$1"
    quietly "$BUILD/pip-$(basename -- "$1").log" "$1/bin/python" -I -m pip install --require-hashes --requirement "$2"
    printf '%s\n' "$stamp" >"$1/.stamp"
}

# Names and bytes of all that goes into the wheel.
source_fingerprint() {
    "$PYTHON" -I - "$ROOT" <<'PY'
import hashlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
tops = ["pyproject.toml", "requirements/build.txt", "README.md", "LICENSE", "NOTICE", ".gitignore"]
paths = [root / top for top in tops] + [path for path in root.glob("src/**/*") if path.suffix != ".pyc"]
digest = hashlib.sha256()
for path in sorted(path for path in paths if path.is_file()):
    content = path.read_bytes()
    digest.update(f"{path.relative_to(root)}\0{len(content)}\0".encode() + content)
print(digest.hexdigest())
PY
}

# build_wheel FINGERPRINT: the build tools have a venv of their own, so that the demo's holds what a server needs
# and nothing else, and so that every script installs the same wheel.
build_wheel() {
    if stamped "$BUILD/wheel/.stamp" "$1"; then return; fi
    ensure_venv "$BUILD/venv" "$ROOT/requirements/build.txt"
    say "building the wheel"
    rm -rf "$BUILD/wheel"
    quietly "$BUILD/wheel.log" "$BUILD/venv/bin/python" -I -m build --wheel --no-isolation --outdir "$BUILD/wheel" "$ROOT"
    printf '%s\n' "$1" >"$BUILD/wheel/.stamp"
}

# ensure_package DIR: the venv DIR holds the wheel of the sources as they are now.
ensure_package() {
    fingerprint=$(source_fingerprint)
    if stamped "$1/.wheel" "$fingerprint"; then
        say "${1#"$ROOT"/}: tailrace is up to date"
        return
    fi
    build_wheel "$fingerprint"
    say "${1#"$ROOT"/}: installing the wheel"
    rm -f "$1/.wheel"
    quietly "$BUILD/pip.log" "$1/bin/python" -I -m pip install --no-index --no-deps --force-reinstall "$BUILD"/wheel/*.whl
    printf '%s\n' "$fingerprint" >"$1/.wheel"
}
