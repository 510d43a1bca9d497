"""The sandbox and the zygote, with real processes: what they may not do, what becomes of them, what they cost."""

import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path
from statistics import median

import pytest

from dlkit.errors import CourseError
from dlkit.grading.sandbox import (
    RUN_SOURCE,
    Limits,
    SandboxLost,
    SandboxMissing,
    UnsafeSandboxWarning,
    Zygote,
    bubblewrap,
    doctor,
)
from dlkit.grading.sandbox.inside import START

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024**2
QUICK = Limits(cpu_seconds=5, cell_seconds=4, notebook_seconds=8, memory=256 * MIB)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


def why_not():
    """Try without any code of ours what the sandbox is made of, as an ordinary user; return what goes wrong."""
    missing = [program for program in ("bwrap", "unshare", "setpriv") if shutil.which(program) is None]
    if missing:
        return f"{missing[0]} is not installed"
    command = "bwrap --ro-bind / / --dev /dev --proc /proc --unshare-all unshare -Urmpf --mount-proc true"
    if os.getuid() == 0:
        command = "setpriv --reuid 65534 --regid 65534 --clear-groups " + command
    result = subprocess.run(command.split(), capture_output=True, text=True, cwd="/")
    return result.stderr.strip() or "it fails without a word" if result.returncode else None


@pytest.fixture(scope="module")
def walled():
    """A zygote with all that it loads, in the sandbox of this machine."""
    reason = why_not()
    if reason:
        pytest.skip(f"NOT TESTED, this machine cannot make the sandbox (`dlkit doctor` says more): {reason}")
    zygote = Zygote(readable=[ROOT / "LICENSE-TEXT"])
    zygote.__enter__()
    yield zygote
    zygote.close()


@pytest.fixture(scope="module")
def light(walled):
    """A zygote in the sandbox that has loaded nothing, where forks are quick."""
    with Zygote(preload=()) as zygote:
        yield zygote


@pytest.fixture(scope="module")
def bare():
    """A zygote without a sandbox."""
    with pytest.warns(UnsafeSandboxWarning, match=r"WITHOUT A SANDBOX.*trust"):
        zygote = Zygote(mode="none", preload=())
        zygote.__enter__()
    yield zygote
    zygote.close()


@pytest.fixture(params=["bare", "walled"])
def zygote(request):
    return request.getfixturevalue(request.param)


def run(zygote, source, limits=QUICK, **more):
    with zygote.fork(RUN_SOURCE, textwrap.dedent(source), limits=limits, **more) as child:
        return child.wait()


def said(zygote, source, **more):
    """What a program that must end well has printed."""
    report = run(zygote, source, **more)
    assert report.exit_code == 0, (str(report), report.output.decode())
    return report.output.decode().strip()


def refused(zygote, source):
    """Check that a statement is refused by the system, and return the error's name."""
    return said(
        zygote,
        f"""
        import ctypes, os, signal, socket, subprocess
        from pathlib import Path
        libc = ctypes.CDLL(None, use_errno=True)
        def call(result):
            if result == -1:
                raise OSError(ctypes.get_errno(), "refused")
        try:
            {source}
        except OSError as error:
            print(type(error).__name__)
        else:
            raise SystemExit("it was not refused")
        """,
    )


def pair():
    """Two ends of a channel; ours waits for 10 s at most, so that what fails does not hang."""
    mine, theirs = socket.socketpair()
    mine.settimeout(10)
    return mine, theirs


def ended(channel):
    """Tell whether within 3 s nobody holds the other end any more."""
    until = time.monotonic() + 3
    channel.settimeout(3)
    with channel:
        try:
            while channel.recv(1 << 16):
                if time.monotonic() > until:
                    return False
        except TimeoutError:
            return False
        return True


# ---- the end of a process is told as it was -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "code", "number", "words"),
    [
        ("print('done')", 0, None, "it ran to its end"),
        ("import sys; sys.exit(3)", 3, None, "its process ended with exit code 3"),
        ("import os; os._exit(255)", 255, None, "its process ended with exit code 255"),
        ("1 / 0", 1, None, "its process ended with exit code 1"),
        ("import sys; sys.exit('a word')", 1, None, "its process ended with exit code 1"),
        ("import os; os.kill(os.getpid(), 9)", None, 9, "its process was ended by SIGKILL"),
        ("import os; os.abort()", None, 6, "its process was ended by SIGABRT"),
        ("import ctypes; ctypes.string_at(0)", None, 11, "its process was ended by SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", None, 24, "its process was ended by SIGXCPU"),
    ],
)
def test_exit_codes_and_signals(zygote, source, code, number, words):
    report = run(zygote, source)
    assert (report.exit_code, report.signal, report.limit, report.killed) == (code, number, None, False)
    assert str(report) == words
    assert report.leftover == 0


def test_output_and_traceback_are_kept(zygote):
    report = run(zygote, "import os; print('été'); os.system('echo shell'); os.write(2, b'raw\\n'); [][1]")
    lines = report.output.decode().splitlines()
    assert lines[:3] == ["été", "shell", "raw"]
    assert lines[-1] == "IndexError: list index out of range"


def test_the_channel_is_the_only_way_in(zygote):
    mine, theirs = pair()
    source = """
        import os, socket
        with socket.socket(fileno=channel) as s:
            s.sendall(s.recv(100).upper())
        links = {n: f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")}
        print(channel, [(int(n), os.readlink(p).split(":")[0]) for n, p in links.items() if os.path.exists(p)])
    """
    with theirs, zygote.fork(RUN_SOURCE, textwrap.dedent(source), channel=theirs, limits=QUICK) as child:
        theirs.close()
        mine.sendall(b"are you there")
        assert mine.recv(100) == b"ARE YOU THERE"
        report = child.wait()
        assert mine.recv(1) == b"", "nobody else holds its end"
    mine.close()
    assert report.output.decode().strip() == "3 [(0, '/dev/null'), (1, 'pipe'), (2, 'pipe')]"


def test_without_a_channel_there_is_none(zygote):
    source = """
        import os, sys
        try:
            os.fstat(3)
        except OSError:
            print(channel, os.fstat(0).st_rdev == os.makedev(1, 3), sys.stdin.read() == "")
    """
    assert said(zygote, source) == "None True True"


def test_files_lie_in_a_fresh_scratch_folder(zygote):
    source = """
        import os, pathlib
        names = sorted(str(p) for p in pathlib.Path().rglob("*"))
        print(names, open("data/x.csv").read(), os.environ["HOME"] == os.getcwd())
        open("mine", "w").write("y" * 50_000)
    """
    for _ in range(2):
        report = run(zygote, source, files={"data/x.csv": b"1,2", "b": b""})
        assert report.output.decode() == "['b', 'data', 'data/x.csv'] 1,2 True\n"
        assert 50_000 <= report.scratch_bytes < 70_000


def test_usage_is_measured(zygote):
    source = """
        import time
        block = bytearray(100 * 1024**2)
        end = time.process_time() + 0.3
        while time.process_time() < end: pass
        time.sleep(0.3)
    """
    report = run(zygote, source)
    assert 0.25 < report.cpu_seconds < 0.8
    assert report.wall_seconds > report.cpu_seconds + 0.1
    assert 80 * MIB < report.peak_memory < 130 * MIB


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "", ".", "a\0b"])
def test_files_cannot_leave_the_scratch_folder(bare, name):
    with pytest.raises(ValueError, match="must be a path inside the scratch folder"):
        bare.fork(RUN_SOURCE, files={name: b""})


def test_files_must_fit_into_scratch(bare):
    with pytest.raises(ValueError, match="files: 40000 bytes were given, but scratch=65536 must have room for twice"):
        bare.fork(RUN_SOURCE, files={"x": bytes(40_000)}, limits=Limits(scratch=65_536))


def test_a_program_is_a_module_and_a_function(bare):
    with pytest.raises(ValueError, match=r"program must be 'module:function', but 'os\.system'"):
        bare.fork("os.system")
    with bare.fork("no.such:thing", limits=QUICK) as child:
        report = child.wait()
    assert report.exit_code == 1
    assert b"No module named 'no'" in report.output


# ---- limits ---------------------------------------------------------------------------------------------------------


def test_a_cpu_loop_is_ended(zygote):
    report = run(zygote, "while True: pass", Limits(cpu_seconds=0.4))
    assert (report.limit, report.exit_code, report.signal) == ("cpu_seconds", None, None)
    assert 0.3 < report.cpu_seconds < 1.5
    assert str(report) == "it went beyond the limit cpu_seconds and was stopped"


def test_cpu_time_of_all_processes_counts_together(zygote):
    source = """
        import os, signal
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        for _ in range(3): os.fork()
        while True: pass
    """
    report = run(zygote, source, Limits(cpu_seconds=0.6))
    assert report.limit == "cpu_seconds"
    assert report.cpu_seconds < 2
    assert report.leftover == 7


def test_a_sleeper_is_ended(zygote):
    report = run(zygote, "import time; time.sleep(60)", Limits(cell_seconds=0.3, notebook_seconds=0.4))
    assert report.limit == "notebook_seconds"
    assert 0.4 <= report.wall_seconds < 1.5


def test_a_cell_out_of_time_is_interrupted_and_the_next_one_runs(zygote):
    source = """
        import time, os
        for _ in range(2):
            try:
                os.read(channel, 1)
                time.sleep(60)
            except KeyboardInterrupt:
                print("stopped")
            os.write(channel, b"x")
    """
    mine, theirs = pair()
    limits = Limits(cell_seconds=0.2, notebook_seconds=8)
    with mine, theirs, zygote.fork(RUN_SOURCE, textwrap.dedent(source), channel=theirs, limits=limits) as child:
        for _ in range(2):
            child.begin_cell()
            mine.send(b"g")
            assert mine.recv(1) == b"x"
            assert child.end_cell() is False
        report = child.wait()
    assert (report.exit_code, report.output) == (0, b"stopped\nstopped\n")


def test_a_cell_that_will_not_stop_is_killed(walled):
    source = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    with walled.fork(RUN_SOURCE, source, limits=Limits(cell_seconds=0.2, notebook_seconds=20)) as child:
        child.begin_cell()
        report = child.wait()
    assert report.limit == "cell_seconds"
    assert 2 < report.wall_seconds < 4


def test_cells_in_time_are_left_alone(bare):
    with bare.fork(RUN_SOURCE, "import time; time.sleep(1.6)", limits=Limits(cell_seconds=0.9)) as child:
        for _ in range(2):
            child.begin_cell()
            time.sleep(0.4)
            assert child.end_cell() is True
        assert child.wait().exit_code == 0


def test_the_owner_may_interrupt(bare):
    mine, theirs = pair()
    source = "import os, time; os.write(channel, b'x'); time.sleep(60)"
    with mine, theirs, bare.fork(RUN_SOURCE, source, channel=theirs, limits=QUICK) as child:
        assert mine.recv(1) == b"x"
        child.interrupt()
        report = child.wait()
    assert report.exit_code == 1
    assert report.output.endswith(b"KeyboardInterrupt\n")


def test_a_memory_bomb_is_an_error_in_the_answer(zygote):
    source = """
        import mmap
        for attempt in (lambda: bytearray(10**9), lambda: mmap.mmap(-1, 10**9), lambda: [0] * 10**9):
            try:
                attempt()
            except (MemoryError, OSError):
                print("refused")
    """
    assert said(zygote, source).split() == ["refused"] * 3


def test_memory_of_all_processes_counts_together(walled):
    source = """
        import os, time
        for _ in range(9):
            if os.fork() == 0:
                block = bytearray(os.urandom(1)) * (100 * 1024**2)
                time.sleep(60)
        time.sleep(60)
    """
    report = run(walled, source, Limits(memory=200 * MIB, notebook_seconds=60))
    assert report.limit == "memory"
    assert report.wall_seconds < 10


def test_forks_that_share_their_memory_do_not_count_it_twice(walled):
    source = """
        import os, time
        block = bytearray(b"x") * (120 * 1024**2)
        for _ in range(4):
            if os.fork() == 0:
                time.sleep(0.6)
                os._exit(0)
        time.sleep(0.5)
    """
    assert run(walled, source, Limits(memory=200 * MIB)).exit_code == 0


def test_memory_that_belongs_to_no_process_is_bounded(light):
    source = """
        import os, fcntl
        held = 0
        try:
            while True:
                read, write = os.pipe()
                os.set_blocking(write, False)
                try:
                    fcntl.fcntl(write, 1031, 1024**2)
                except OSError:
                    pass
                held += os.write(write, bytes(1024**2))
        except OSError:
            print(held < 200 * 1024**2)
    """
    assert said(light, source) == "True"


def test_a_fork_bomb_comes_to_nothing(light):
    source = """
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """
    report = run(light, source, Limits(processes=20, cpu_seconds=0.5))
    assert report.limit == "cpu_seconds"
    assert 15 <= report.leftover <= 19
    assert said(light, "print('next')") == "next"


THREADS = """
    import threading, time
    for n in range(10):
        try:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        except RuntimeError:
            break
    print(n)
"""


def test_processes_and_threads_are_counted_exactly(walled):
    assert said(walled, THREADS, limits=Limits(processes=4)) == "3"


def test_an_output_flood_is_ended(zygote):
    report = run(zygote, "while True: print('x' * 999)", Limits(output_bytes=100_000))
    assert report.limit == "output_bytes"
    assert len(report.output) == 100_000
    report = run(zygote, "print('x' * 99_999)", Limits(output_bytes=100_000))
    assert (report.exit_code, len(report.output)) == (0, 100_000)
    report = run(zygote, "print('x' * 100_000)", Limits(output_bytes=100_000))
    assert (report.limit, len(report.output)) == ("output_bytes", 100_000)


def test_files_have_a_largest_size_and_number(zygote):
    source = """
        with open("big", "wb") as file:
            try:
                for _ in range(100): file.write(bytes(10_000)); file.flush()
            except OSError as error:
                print(error.errno, file.tell() <= 50_000)
        opened = []
        try:
            for _ in range(100): opened.append(open("big"))
        except OSError as error:
            print(error.errno, len(opened))
    """
    lines = said(zygote, source, limits=Limits(file_size=50_000, open_files=32)).splitlines()
    assert lines[0] == "27 True"
    assert lines[1].startswith("24 2")


@pytest.mark.parametrize("place", [".", "/tmp", "/dev/shm"])
def test_scratch_has_one_quota(walled, place):
    source = f"""
        import os
        os.write(os.open("/tmp/first", os.O_CREAT | os.O_WRONLY), bytes(600_000))
        written = 0
        try:
            for n in range(100):
                with open(f"{place}/{{n}}", "wb", buffering=0) as file: written += file.write(bytes(100_000))
        except OSError as error:
            print(error.errno, written)
    """
    report = run(walled, source, Limits(scratch=MIB))
    code, written = report.output.split()
    assert code == b"28"
    assert 200_000 < int(written) < 450_000
    assert 900_000 < report.scratch_bytes <= MIB


def test_a_flood_of_empty_files_is_ended(walled):
    source = """
        n = 0
        try:
            while True: open(str(n), "w").close(); n += 1
        except OSError as error:
            print(error.errno, n)
    """
    code, number = said(walled, source, limits=Limits(scratch=MIB)).split()
    assert (code, int(number) < 200) == ("28", True)


# ---- nothing is left at the end -------------------------------------------------------------------------------------

SURVIVOR = """
import os, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(write, b"x")
        while True:
            os.write(channel, b"alive")
            time.sleep(0.02)
    os._exit(0)
os.wait()
os.read(read, 1)
"""


def test_who_forked_twice_does_not_survive(zygote):
    mine, theirs = pair()
    with theirs, zygote.fork(RUN_SOURCE, SURVIVOR, channel=theirs, limits=QUICK) as child:
        theirs.close()
        report = child.wait()
        assert (report.exit_code, report.leftover) == (0, 1)
    assert ended(mine)


@pytest.mark.parametrize("way", ["kill", "close"])
def test_the_owner_ends_it(zygote, way):
    mine, theirs = pair()
    child = zygote.fork(RUN_SOURCE, SURVIVOR + "time.sleep(60)", channel=theirs, limits=QUICK)
    theirs.close()
    assert mine.recv(5) == b"alive"
    if way == "kill":
        child.kill()
        report = child.wait()
        assert (report.killed, report.leftover in (1, 2), str(report)) == (True, True, "it was stopped")
    else:
        child.close()
        with pytest.raises(ValueError, match="was closed"):
            child.kill()
    assert ended(mine)


def test_it_ends_with_its_zygote(walled):
    mine, theirs = pair()
    with Zygote(preload=()) as zygote:
        child = zygote.fork(RUN_SOURCE, SURVIVOR + "time.sleep(60)", channel=theirs, limits=QUICK)
        theirs.close()
        assert mine.recv(5) == b"alive"
    with pytest.raises(SandboxLost, match="without a report"):
        child.wait()
    assert ended(mine)


def test_it_ends_with_its_owner(walled):
    source = f"""
import socket, sys, os, time
from dlkit.grading.sandbox import *
zygote = Zygote(preload=())
channel = socket.socket(fileno=int(sys.argv[1]))
child = zygote.fork(RUN_SOURCE, {SURVIVOR + "time.sleep(60)"!r}, channel=channel, limits=Limits())
channel.close()
time.sleep(60)
"""
    mine, theirs = pair()
    owner = subprocess.Popen([sys.executable, "-c", source, str(theirs.fileno())], pass_fds=[theirs.fileno()], cwd=ROOT)
    theirs.close()
    try:
        assert mine.recv(5) == b"alive"
    finally:
        owner.kill()
        owner.wait()
    assert ended(mine)


def test_a_dead_zygote_is_started_again(bare):
    before = bare.starts
    with bare.fork(RUN_SOURCE, "print(1)") as child:
        child.wait()
    bare._process.kill()
    bare._process.wait()
    with pytest.warns(UnsafeSandboxWarning):
        report = run(bare, "print(2)")
    assert report.output == b"2\n"
    assert bare.starts == before + 1


def test_a_submission_cannot_end_the_zygote(walled):
    said(walled, "print()")
    starts = walled.starts
    source = """
        import os, signal
        assert os.listdir("/home") == ["student"], "outside the sandbox this is not to be tried"
        for pid in {1, os.getppid(), *range(1, 300)} - {os.getpid()}:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
                try:
                    os.kill(pid, number)
                except OSError:
                    pass
        try:
            os.kill(-1, signal.SIGTERM)
        except OSError:
            pass
        print("tried")
    """
    for _ in range(2):
        assert said(walled, source) == "tried"
    assert walled.starts == starts


# ---- the walls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('192.0.2.1', 80), 1)",
        "socket.create_connection(('127.0.0.1', 22), 1)",
        "socket.getaddrinfo('example.org', 80)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    ],
)
def test_no_network(walled, attempt):
    assert refused(walled, attempt) in ("OSError", "gaierror", "PermissionError")


def test_no_socket_of_the_machine(walled):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0dlkit-sandbox-test")
        server.listen()
        refused(walled, r"socket.socket(socket.AF_UNIX).connect('\0dlkit-sandbox-test')")


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/usr/x', 'w')",
        "open('/x', 'w')",
        "open('/etc/passwd', 'a')",
        "os.mkdir('/place')",
        "open('/dev/x', 'w')",
        "open('/home/x', 'w')",
        f"open({str(ROOT / 'dlkit/__init__.py')!r}, 'a')",
        f"open({str(Path(sys.prefix) / 'x')!r}, 'w')",
        "open('/proc/sys/kernel/hostname', 'w')",
        "open('/proc/sys/kernel/core_pattern', 'w')",
        "open('/proc/sys/vm/overcommit_memory', 'w')",
        "os.mknod('/tmp/disk', 0o60600, os.makedev(8, 0))",
        "os.chown('/tmp', 0, 0)",
    ],
)
def test_nothing_outside_scratch_is_written(walled, attempt):
    assert refused(walled, attempt) in ("OSError", "PermissionError", "FileExistsError")


@pytest.mark.parametrize(
    "attempt",
    [
        "os.setuid(0)",
        "os.setgid(0)",
        "os.chroot('/tmp')",
        "call(libc.unshare(0x10000000))",
        "call(libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None))",
        "call(libc.umount2(b'/proc', 2))",
        "call(libc.ptrace(16, os.getppid(), 0, 0))",
        "os.memfd_create('x')",
        "call(libc.shmget(0, 4096, 0o1600))",
        "call(libc.setns(os.open('/proc/self/ns/net', 0), 0))",
        "call(libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0))" if os.uname().machine == "x86_64" else "os.setuid(0)",
        "os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-1000')",
    ],
)
def test_no_privileges(walled, attempt):
    refused(walled, attempt)


def test_who_one_is(walled):
    source = """
        import os, pwd
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        print(os.getuid(), os.getgid(), pwd.getpwuid(os.getuid()).pw_name)
        print({int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb")})
        print(int(status["NoNewPrivs"]), int(status["Seccomp"]), os.getsid(0) == os.getpid())
        print(os.system("test $(id -u) = 1000 && ! unshare -U true 2>/dev/null"))
    """
    assert said(walled, source).splitlines() == ["1000 1000 student", "{0}", "1 2 True", "0"]


def test_environment_variables_are_those_of_a_plain_session(walled):
    source = """
        import os
        print(sorted(os.environ))
        print(sorted(v.split("=")[0] for v in open("/proc/self/environ").read().split("\\0") if v))
        os.system("env | cut -d= -f1 | sort | tr '\\n' ' '")
    """
    lines = said(walled, source).splitlines()
    assert lines[0] == "['HOME', 'LANG', 'LOGNAME', 'PATH', 'PWD', 'USER']"
    assert lines[1] == lines[0]
    assert set(lines[2].split()) <= {"HOME", "LANG", "LOGNAME", "OLDPWD", "PATH", "PWD", "SHLVL", "USER", "_"}


def test_the_course_is_not_there(walled):
    source = f"""
        import os
        from pathlib import Path
        root = Path({str(ROOT)!r})
        print(sorted(os.listdir(root)))
        print(len(open(root / "LICENSE-TEXT").read()) > 100)
        places = "/root/.ssh", "/root/.bashrc", "/var", "/sys", "/run", "/mnt", "/etc/shadow", "/etc/hostname"
        print([p for p in places if os.path.exists(p)], os.listdir("/home"))
    """
    lines = said(walled, source).splitlines()
    environment = [Path(sys.prefix).relative_to(ROOT).parts[0]] if Path(sys.prefix).is_relative_to(ROOT) else []
    assert lines == [str(sorted(["LICENSE-TEXT", "dlkit", *environment])), "True", "[] ['student']"]


def test_what_is_readable_may_lie_under_tmp(walled, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("folder")
    for name in ("file", "hidden"):
        (tmp_path / name).write_text(name)
    with Zygote(preload=(), readable=[tmp_path / "data", tmp_path / "file", tmp_path / "data" / "x"]) as zygote:
        source = f"""
            import os
            os.chdir({str(tmp_path)!r})
            print(open("data/x").read(), open("file").read(), sorted(os.listdir()))
            for name in ("data/x", "data/y", "file"):
                try:
                    open(name, "a")
                except OSError as error:
                    print(error.errno)
            open("/tmp/mine", "w")
        """
        lines = said(zygote, source).splitlines()
    assert lines[0] == "folder file ['data', 'file']"
    assert [line in ("13", "30") for line in lines[1:]] == [True] * 3, "no right, or a file system to read"


def test_submissions_do_not_see_each_other(walled):
    source = """
        import os
        for place in (".", "/tmp", "/dev/shm"):
            open(f"{place}/secret", "w").close()
        os.write(channel, b"x")
        os.read(channel, 1)
    """
    look = """
        import os
        print([os.path.exists(f"{p}/secret") for p in (".", "/tmp", "/dev/shm")], end=" ")
        print([n for n in os.listdir("/proc") if n.isdecimal()] == [str(os.getpid())])
    """
    mine, theirs = pair()
    with mine, theirs, walled.fork(RUN_SOURCE, textwrap.dedent(source), channel=theirs, limits=QUICK) as child:
        assert mine.recv(1) == b"x"
        assert said(walled, look) == "[False, False, False] True"
        mine.send(b"x")
        assert child.wait().exit_code == 0
    assert said(walled, look) == "[False, False, False] True"


def test_proc_tells_nothing_of_others(walled):
    source = """
        import os
        seen = []
        for pid in range(1, 400):
            for name in ("environ", "mem", "maps", "cmdline", "fd", "root", "cwd"):
                path = f"/proc/{pid}/{name}"
                if pid != os.getpid():
                    try:
                        os.listdir(path) if name in ("fd", "root", "cwd") else open(path, "rb")
                        seen.append(path)
                    except OSError:
                        pass
        print(seen)
        print(open("/proc/self/cmdline", "rb").read().strip(b"\\0"))
    """
    assert said(walled, source).splitlines() == ["[]", "b'python'"]


def test_the_memory_holds_nothing_of_earlier_submissions(light):
    look = """
        import re
        token = re.compile(b"qwert[z]uiop")
        found = 0
        with open("/proc/self/mem", "rb", buffering=0) as memory:
            for line in open("/proc/self/maps"):
                low, high, right = re.match(r"(\\w+)-(\\w+) (.)", line).groups()
                if right == "r" and "[v" not in line:
                    try:
                        memory.seek(int(low, 16))
                        found += len(token.findall(memory.read(int(high, 16) - int(low, 16))))
                    except (OSError, ValueError, OverflowError):
                        pass
        print(found)
    """
    hiding = "secret = 'qwertzuiop' * 3\n" + textwrap.dedent(look)
    assert int(said(light, hiding, limits=Limits())) > 0, "a look into one's own memory finds it"
    assert said(light, look, limits=Limits()) == "0"


def test_libraries_are_warm_and_work(walled):
    assert {"numpy", "matplotlib.pyplot", "dlkit"} <= set(walled.ready["loaded"])
    assert (walled.ready["threads"], walled.ready["user"] != 0) == (1, True)
    source = """
        import sys
        assert {"numpy", "matplotlib.pyplot", "torch", "dlkit"} <= set(sys.modules)
        import matplotlib, numpy as np, torch, io, os, tempfile, subprocess, multiprocessing
        import matplotlib.pyplot as plt
        a = np.random.default_rng(0).normal(size=(300, 300))
        assert np.allclose(torch.linalg.solve(torch.tensor(a), torch.tensor(a)).numpy(), np.eye(300))
        x = torch.ones(3, requires_grad=True); (x ** 2).sum().backward()
        plt.plot([1, 2]); plt.savefig("figure.png")
        with tempfile.NamedTemporaryFile() as file: file.write(b"x")
        subprocess.run(["true"], check=True)
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(2) as pool: assert list(pool.map(abs, [-1])) == [1]
        print(x.grad.tolist(), torch.get_num_threads(), os.path.getsize("figure.png") > 1000, matplotlib.get_backend())
    """
    assert said(walled, source, limits=Limits()).lower() == "[2.0, 2.0, 2.0] 1 true agg"


def test_children_may_run_at_the_same_time_and_from_threads(walled):
    reports = {}

    def one(n):
        reports[n] = run(walled, f"import time; time.sleep(0.5); print({n})")

    begin = time.monotonic()
    threads = [threading.Thread(target=one, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reports[n].output for n in range(5)] == [f"{n}\n".encode() for n in range(5)]
    assert time.monotonic() - begin < 2


def test_the_cost_of_a_submission(walled):
    times = []
    for _ in range(15):
        begin = time.perf_counter()
        run(walled, "")
        times.append(1000 * (time.perf_counter() - begin))
    print(f"a submission in the sandbox: median {median(times):.1f} ms, quickest {min(times):.1f} ms")
    assert min(times) <= 60


# ---- what does not work is said -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"memory": 1000}, "memory must be from 16777216 to"),
        ({"memory": 1e9}, "memory must be an integer, but 1000000000.0 was given"),
        ({"cpu_seconds": "5"}, "cpu_seconds must be a number, but '5' was given"),
        ({"cpu_seconds": float("nan")}, "cpu_seconds must be from 0.1 to"),
        ({"notebook_seconds": float("inf")}, "notebook_seconds must be from"),
        ({"processes": True}, "processes must be an integer, but True"),
        ({"processes": 0}, "processes must be from 1 to"),
        ({"cell_seconds": 100, "notebook_seconds": 60}, "cell_seconds is 100, but the whole notebook has"),
    ],
)
def test_limits_that_make_no_sense(given, words):
    with pytest.raises(ValueError, match=words):
        Limits(**given)


def test_a_missing_bubblewrap_is_said_with_the_ways_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    words = r"(?s)bwrap is not on PATH.*apt-get install bubblewrap.*mode none"
    with pytest.raises(SandboxMissing, match=words) as caught:
        Zygote().fork(RUN_SOURCE)
    assert isinstance(caught.value, CourseError)
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    with pytest.raises(SandboxMissing, match="--version does not run: broken"):
        Zygote().fork(RUN_SOURCE)


def fake_bubblewrap(folder, monkeypatch, text):
    (folder / "bwrap").write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.8.0 && exit\n{text}\n')
    (folder / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_sandbox_that_cannot_be_made_is_explained(tmp_path, monkeypatch):
    fake_bubblewrap(tmp_path, monkeypatch, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
    words = r"(?s)No permissions to create new namespace.*unprivileged_userns_clone.*apparmor.*docker.*mode none"
    with pytest.raises(SandboxMissing, match=words):
        Zygote(preload=()).fork(RUN_SOURCE)
    findings = {finding.subject: finding for finding in doctor.examine()}
    assert findings["sandbox"].well is False
    assert "unprivileged_userns_clone" in findings["sandbox"].advice


def test_a_sandbox_in_which_nothing_can_be_forked_is_explained(walled):
    """In a user namespace that may have few others: too few for bubblewrap, too few for a submission."""
    source = """
from dlkit.grading.sandbox import SandboxMissing, Zygote
try:
    Zygote(preload=()).__enter__()
except SandboxMissing as error:
    print(error)
"""
    script = f'echo {{0}} >/proc/sys/user/max_user_namespaces && exec {sys.executable} -c "$1"'
    cases = ((1, "bwrap: unshare user ns: No space left"), (2, "clone into new namespaces: No space left"))
    for number, words in cases:
        command = ["unshare", "-Ur", "sh", "-c", script.format(number), "sh", source]
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30)
        if result.returncode:
            pytest.skip(f"unshare cannot make the circumstances: {result.stderr}")
        assert words in result.stdout
        assert "An ordinary user needs user namespaces" in result.stdout


def test_a_sandbox_that_does_not_answer_is_given_up(tmp_path, monkeypatch):
    fake_bubblewrap(tmp_path, monkeypatch, "exec sleep 60")
    with pytest.raises(SandboxMissing, match=r"did not start: it took more than 0\.3 s"):
        Zygote(start_seconds=0.3).fork(RUN_SOURCE)


def test_other_modes_are_refused():
    with pytest.raises(ValueError, match="mode must be one of bubblewrap, none, but 'docker' was given"):
        Zygote(mode="docker")


def test_what_cannot_be_made_readable(tmp_path, monkeypatch):
    fake_bubblewrap(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(ValueError, match="readable: /no/such is not there"):
        bubblewrap.command(["/bin/true"], readable=["/no/such"])
    for place in ("/", "/proc/self", "/etc", "/tmp/../proc"):
        with pytest.raises(ValueError, match="would open the machine itself"):
            bubblewrap.command(["/bin/true"], readable=[place])


def test_the_command_line(tmp_path, monkeypatch):
    fake_bubblewrap(tmp_path, monkeypatch, "exit 1")
    for root in (False, True):
        line = bubblewrap.command(["/bin/true", "x"], readable=[tmp_path], passwd=9, root=root)
        assert line[line.index("--") :] == ["--", "/bin/true", "x"]
        for part in ("--die-with-parent", "--new-session", "--unshare-net", "--unshare-pid", "--unshare-ipc"):
            assert part in line
        assert f"--ro-bind {tmp_path} {tmp_path}" in " ".join(line)
        assert ("--unshare-user" in line, "--cap-add" in line) == (not root, root)
        assert "--bind" not in line, "nothing of the machine can be written"
        bound = {line[i + 1] for i, word in enumerate(line) if word.startswith("--ro-bind") and "data" not in word}
        assert not bound & {"/", "/home", "/root", "/etc", "/var", "/tmp", str(ROOT)}


def test_modules_that_hide_are_named(walled, tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CourseError, match=r"elsewhere: installed here, but not to be seen.*readable"):
        Zygote(preload=["elsewhere"]).fork(RUN_SOURCE)


def test_a_zygote_with_threads_does_not_fork(monkeypatch):
    begin = "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()"
    monkeypatch.setattr("dlkit.grading.sandbox.zygote.START", begin + START)
    with pytest.warns(UnsafeSandboxWarning), pytest.raises(CourseError, match=r"must have one thread .* but has 2"):
        Zygote(mode="none", preload=["json"]).fork(RUN_SOURCE)


def test_what_is_not_installed_is_passed_over():
    with pytest.warns(UnsafeSandboxWarning), Zygote(mode="none", preload=["no_such_module", "json"]) as zygote:
        assert (zygote.ready["loaded"], zygote.ready["missing"]) == (["json"], ["no_such_module"])


# ---- an ordinary user -----------------------------------------------------------------------------------------------

AS_NOBODY = """
set -e
{open_up}
as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
$as_nobody test -x {python} -a -r {package} || exit 77
exec $as_nobody {python} -c "$1"
"""

ORDINARY = f"""
import os
from dlkit.grading.sandbox import RUN_SOURCE, Limits, Zygote, doctor
assert os.getuid() == 65534
with Zygote(preload=["numpy"]) as zygote:
    def run(source, **limits):
        report = zygote.fork(RUN_SOURCE, source, limits=Limits(**limits)).wait()
        print(report.output.decode().split(chr(10))[-2], report.exit_code)
    assert zygote.ready["loaded"] == ["numpy"]
    run(doctor._PROBE)
    run("import os; print(os.getuid(), 'LICENSE' in os.listdir({str(ROOT)!r}))")
    run({textwrap.dedent(THREADS)!r}, processes=4)
    run("open('/x', 'w')")
"""


def test_an_ordinary_user_has_the_same_walls(walled):
    """As nobody, in a mount namespace where she may look at this Python, which may be in root's private folder."""
    if os.getuid() != 0:
        pytest.skip("everything above was run by an ordinary user")
    namespaces = next(finding for finding in doctor.examine(start=False) if finding.subject == "user namespaces")
    if not namespaces.well:
        pytest.skip(f"ordinary users may make no user namespaces here: {namespaces.found}")
    top = Path("/", *Path(sys.base_prefix).parts[1:2])
    opened = f"""
        mount --bind {top} /mnt
        mount -t tmpfs -o mode=755 tmpfs {top}
        mkdir -p {sys.base_prefix}
        mount --bind /mnt/{Path(sys.base_prefix).relative_to(top)} {sys.base_prefix}
        umount /mnt
    """
    closed = top.stat().st_mode & 0o005 != 0o005 and not ROOT.is_relative_to(top)
    script = AS_NOBODY.format(open_up=opened if closed else "", python=sys.executable, package=ROOT / "dlkit")
    command = ["unshare", "-m", "sh", "-c", script, "sh", ORDINARY]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30)
    if result.returncode == 77:
        pytest.skip(f"an ordinary user may not look at {sys.executable} or {ROOT}")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        " 0",
        "1000 False 0",
        "3 0",
        "OSError: [Errno 30] Read-only file system: '/x' 1",
    ]


# ---- the doctor -----------------------------------------------------------------------------------------------------


def test_the_doctor_as_a_command():
    result = subprocess.run([sys.executable, "-m", "dlkit", "doctor"], capture_output=True, text=True, cwd=ROOT)
    assert result.stderr == ""
    subjects = [line[4:20].strip() for line in result.stdout.splitlines() if line[:2] in ("ok", "NO", "--")]
    assert subjects[:7] == ["system", "bubblewrap", "user namespaces", "seccomp", "cgroups", "memory", "sandbox"]
    assert result.returncode == (1 if "\nNO" in result.stdout else 0)
    if shutil.which("bwrap") is None:
        assert "apt-get install bubblewrap" in result.stdout


def test_the_doctor_without_bubblewrap(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {finding.subject: finding for finding in doctor.examine()}
    assert (findings["bubblewrap"].well, findings["sandbox"].found) == (False, "not tried")
    assert "apt-get install bubblewrap" in findings["bubblewrap"].advice


def test_no_warning_where_there_is_a_sandbox(walled):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert said(walled, "print(1)") == "1"
