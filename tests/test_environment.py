"""Set-up, the one lock and the commands: what `make` does, on good machines and on bad ones.

The shell script runs for real, but on a PATH where the only Pythons are fakes that write down what they are asked.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
TOOLS = "env bash cat cksum cp cut head tail ls mkdir mv rm find du df awk ps grep uname id dirname"
OPTIONAL = ("bench", "cluster", "postgresql", "tensorboard")  # extras that no class needs
SUPPORTED = ["3.11", "3.12", "3.13"]

FAKE_PYTHON = """#!/usr/bin/env bash
# Answers what tools/setup asks of a Python, version {version}; {here} is the folder of the fakes.
case "$*" in
    *"sys.version_info"*) echo {version} ;;
    *"import venv, ensurepip"*) [ ! -f {here}/no-ensurepip ] ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip "*) echo "$PWD: $*" >>{here}/pip.log; [ ! -f {here}/pip-fails ] ;;
    *) echo "not foreseen: $*" >&2; exit 99 ;;
esac
"""


class Machine:
    """A course folder, and a PATH with the usual tools and such Pythons as a test puts there."""

    def __init__(self, folder: Path):
        self.course = folder / "course"
        self.fakes = folder / "bin"
        (self.course / "tools").mkdir(parents=True)
        self.fakes.mkdir()
        for name in ("tools/setup", "constraints.txt", "pyproject.toml"):
            shutil.copy(ROOT / name, self.course / name)
        for tool in TOOLS.split():
            found = shutil.which(tool)
            assert found, f"{tool} is not on this machine"
            (self.fakes / tool).symlink_to(found)
        self.venv = self.course / ".venv"

    def add(self, name: str, text: str) -> None:
        path = self.fakes / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def add_python(self, name: str, version: str) -> None:
        self.add(name, FAKE_PYTHON.format(version=version, here=self.fakes))

    def setup(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.course / "tools/setup", ".venv", "course", "dev"],
            env={"PATH": str(self.fakes), **environment},
            capture_output=True,
            text=True,
            timeout=20,
        )

    @property
    def pip_calls(self) -> list[str]:
        log = self.fakes / "pip.log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.add_python("python3", "3.12.4")
    return machine


def test_first_setup_installs_the_locked_packages(machine):
    result = machine.setup()
    assert result.returncode == 0, result.stderr
    assert len(machine.pip_calls) == 1
    assert machine.pip_calls[0].startswith(f"{machine.course}: ")
    assert machine.pip_calls[0].endswith("-c constraints.txt -e .[course,dev]")
    assert re.search(r"Set-up complete: 0 min \d+ s, \d+ MB", result.stdout)


def test_complete_environment_is_left_alone(machine):
    machine.setup()
    again = machine.setup()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert len(machine.pip_calls) == 1


@pytest.mark.parametrize("version", ["3.9.2", "3.10.13", "3.14.0"])
def test_wrong_python_is_named_with_what_is_needed(machine, version):
    machine.add_python("python3", version)
    result = machine.setup()
    assert result.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13" in result.stderr
    assert f"Found  python3: is {version}" in result.stderr
    assert "apt-get install python3" in result.stderr
    assert not machine.venv.exists()


def test_python_that_does_not_run_is_passed_over(machine):
    machine.add("python3", "#!/usr/bin/env bash\necho 'no such version' >&2\nexit 127\n")
    machine.add_python("python3.11", "3.11.9")
    result = machine.setup()
    assert result.returncode == 0, result.stderr
    assert "with python3.11 (3.11.9)" in result.stdout


def test_chosen_python_is_used_and_only_that_one(machine):
    machine.add_python("snake", "3.13.0")
    assert "with snake (3.13.0)" in machine.setup(PYTHON="snake").stdout
    shutil.rmtree(machine.venv)
    result = machine.setup(PYTHON="no-such-python")
    assert result.returncode == 1
    assert "no-such-python: not there, or does not run" in result.stderr


def test_another_chosen_python_makes_the_environment_anew(machine):
    machine.setup()
    machine.add_python("snake", "3.13.0")
    result = machine.setup(PYTHON="snake")
    assert "has Python 3.12.4, but PYTHON is 3.13.0" in result.stdout
    assert "python 3.13" in (machine.venv / "set-up-complete").read_text()


def test_foreign_environment_is_refused_and_kept(machine):
    machine.venv.mkdir()
    (machine.venv / "precious").write_text("mine")
    result = machine.setup()
    assert result.returncode == 1
    assert "not made by the course" in result.stderr
    assert "VENV=" in result.stderr
    assert [path.name for path in machine.venv.iterdir()] == ["precious"]


def test_half_made_environment_is_made_anew(machine):
    machine.setup()
    (machine.venv / "set-up-complete").unlink()
    (machine.venv / "half").write_text("a package, half of it")
    result = machine.setup()
    assert result.returncode == 0, result.stderr
    assert "half-made" in result.stdout
    assert not (machine.venv / "half").exists()
    assert len(machine.pip_calls) == 2


def test_failing_pip_is_explained_and_repaired_by_the_next_run(machine):
    (machine.fakes / "pip-fails").touch()
    result = machine.setup()
    assert result.returncode == 1
    for words in ("No network", "MB are free", "half-made", "makes it anew"):
        assert words in result.stderr
    (machine.fakes / "pip-fails").unlink()
    assert machine.setup().returncode == 0
    assert machine.setup().stdout == ""


def test_changed_lock_updates_in_place(machine):
    machine.setup()
    (machine.venv / "kept").touch()
    with (machine.course / "constraints.txt").open("a") as lock:
        lock.write("six==1.0\n")
    (machine.fakes / "pip-fails").touch()
    assert "tries the update again" in machine.setup().stderr
    (machine.fakes / "pip-fails").unlink()
    result = machine.setup()
    assert (result.returncode, "updating .venv" in result.stdout) == (0, True)
    assert (machine.venv / "kept").exists()
    assert len(machine.pip_calls) == 3
    assert machine.setup().stdout == ""


def test_update_that_was_killed_counts_as_half_made(machine):
    machine.setup()
    (machine.course / "constraints.txt").write_text("six==1.0\n")
    python = machine.venv / "bin/python"
    python.write_text(
        python.read_text().replace('"-m pip "*)', '"-m pip "*) kill -9 $PPID; exit 1 ;;\n    "-m never "*)')
    )
    assert machine.setup().returncode == -9
    assert "half-made" in machine.setup().stdout


def test_environment_whose_python_is_gone_is_made_anew(machine):
    machine.setup()
    (machine.venv / "bin/python").unlink()
    result = machine.setup()
    assert (result.returncode, "is gone" in result.stdout) == (0, True)


def test_environment_whose_python_became_another_is_made_anew(machine):
    machine.setup()
    python = machine.venv / "bin/python"
    python.write_text(python.read_text().replace("3.12.4", "3.13.0"))
    result = machine.setup()
    assert (result.returncode, "its Python has changed" in result.stdout) == (0, True)


def test_moved_course_gets_a_new_environment(machine, tmp_path):
    machine.setup()
    machine.course = machine.course.rename(tmp_path / "renamed course")
    result = machine.setup()
    assert (result.returncode, "was moved" in result.stdout) == (0, True)
    assert machine.setup().stdout == ""


def test_two_setups_at_once_do_not_meet(machine):
    machine.venv.mkdir()
    with subprocess.Popen(["bash", "-c", "exec -a tools/setup sleep 30"]) as other:
        (machine.venv / "made-by-course").write_text(f"{other.pid}\n")
        try:
            result = machine.setup()
        finally:
            other.kill()
    assert result.returncode == 1
    assert f"Another set-up (process {other.pid})" in result.stderr


@pytest.mark.parametrize("user", ["0", "1000"])
def test_missing_ensurepip(machine, user):
    (machine.fakes / "no-ensurepip").touch()
    machine.add("id", f"#!/usr/bin/env bash\necho {user}\n")
    machine.add(
        "apt-get", f'#!/usr/bin/env bash\n[ "$*" != "install -y python3.12-venv" ] || rm {machine.fakes}/no-ensurepip\n'
    )
    result = machine.setup()
    if user == "0":
        assert "installing python3.12-venv with apt-get" in result.stdout
        assert result.returncode == 0, result.stderr
    else:
        assert "sudo apt-get install python3.12-venv" in result.stderr
        assert result.returncode == 1
        assert not machine.venv.exists()


# ---- make test ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["", "mypy", "nbval"])
def test_all_checks_run_and_the_end_names_those_that_failed(tmp_path, broken):
    (tmp_path / "bin").mkdir()
    for name in ("ruff", "python"):
        fake = tmp_path / "bin" / name
        fake.write_text(
            f'#!/usr/bin/env bash\necho "ran {name} $* with $OMP_NUM_THREADS thread"\n'
            f'[ -z "{broken}" ] || ! grep -q -e "{broken}" <<<"$*"\n'
        )
        fake.chmod(0o755)
    result = subprocess.run([ROOT / "tools/check", tmp_path], capture_output=True, text=True, timeout=20)
    assert re.findall("^ran (.*) with 1 thread$", result.stdout, re.MULTILINE) == [
        "ruff check .",
        "ruff format --check .",
        "python -m mypy",
        "python -m pytest -q -n auto --dist loadfile",
        "python -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout 120 lectures solutions",
    ]
    last = result.stdout.splitlines()[-1]
    if broken:
        assert (result.returncode, last.startswith("FAILED: "), broken in last) == (1, True, True)
    else:
        assert (result.returncode, last) == (0, "Every check passed.")


def test_make_alone_lists_the_commands():
    listed = subprocess.run(["make", "-s", "-C", ROOT], capture_output=True, text=True, check=True).stdout
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets
    assert re.findall(r"^make (\w+) +\S", listed, re.MULTILINE) == targets[1].split()


def test_continuous_integration_runs_make_test_and_nothing_else():
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == 'cd "$(dirname "$0")/.." && exec make test'
    assert os.access(ROOT / ".ci/run", os.X_OK)
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"] == {"python": SUPPORTED}
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test"]
    used = [step["uses"].split("@")[0] for step in job["steps"] if "uses" in step]
    assert used == ["actions/checkout", "actions/setup-python"]


def test_commit_hooks_are_our_own_commands():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system", hook["id"]
        assert hook["entry"].startswith(".venv/bin/"), hook["id"]


# ---- one lock for every install -------------------------------------------------------------------------------------


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = [re.fullmatch(r"([\w.-]+)==([\w.]+)(?:\s*;.*)?", line) for line in lines if not line.startswith("#")]
    assert all(found), "every line of constraints.txt is name==version"
    return {canonical(match[1]): match[2] for match in found if match}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def direct(*extras: str) -> list[Requirement]:
    optional = project()["optional-dependencies"]
    return [
        Requirement(name) for name in [*project()["dependencies"], *(n for extra in extras for n in optional[extra])]
    ]


def installed() -> dict[str, str]:
    """What the course needs, directly and indirectly, on this machine, at the versions that are installed."""
    found: dict[str, str] = {}
    todo = direct("course", "dev")
    while todo:
        needed = todo.pop()
        name = canonical(needed.name)
        if name in found:
            continue
        found[name] = version(needed.name).split("+")[0]  # a CPU wheel of torch is 2.13.0+cpu
        for line in requires(needed.name) or []:
            other = Requirement(line)
            if other.marker is None or any(other.marker.evaluate({"extra": e}) for e in {"", *needed.extras}):
                todo.append(other)
    return found


def test_every_package_of_the_course_is_locked_at_its_version():
    locked, found = pins(), installed()
    assert len(found) > 100, "the walk has reached what the direct dependencies need"
    assert found == {name: locked.get(name, "not in constraints.txt") for name in found}


def test_what_is_optional_is_locked_too():
    locked = pins()
    names = {canonical(needed.name) for needed in direct(*OPTIONAL)}
    assert {"jax", "keras", "micrograd", "autograd", "tensorboard"} <= names <= locked.keys()


def test_conda_and_binder_get_the_same_packages():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert python.removeprefix("python=") in SUPPORTED
    assert pip == "pip"
    extras = ",".join(extra for extra in project()["optional-dependencies"] if extra not in OPTIONAL)
    assert packages == {"pip": ["-c constraints.txt", f"-e .[{extras}]"]}


def test_pip_understands_the_lines_of_environment_yml(tmp_path):
    """As conda and mamba do: the lines go into a file beside environment.yml, and pip runs in that folder."""
    for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "dlkit").mkdir()
    (tmp_path / "dlkit/__init__.py").touch()
    packages = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    (tmp_path / "condaenv.x.requirements.txt").write_text("\n".join(packages))
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-build-isolation", "--no-index"]
    result = subprocess.run(
        [*pip, "-r", tmp_path / "condaenv.x.requirements.txt"], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "Would install dlkit" in result.stdout


def test_supported_versions_are_the_same_everywhere():
    assert project()["requires-python"] == ">=3.11,<3.14"
    accepted = re.search(r"^ +(3\..*)\) ;;$", (ROOT / "tools/setup").read_text(), re.MULTILINE)
    assert accepted
    assert [version.removesuffix(".*") for version in accepted[1].split(" | ")] == SUPPORTED


# ---- the command line -----------------------------------------------------------------------------------------------


def dlkit(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    code = f"import sys; {before}\nfrom dlkit.__main__ import main; sys.exit(main({list(arguments)!r}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)


def test_help_needs_none_of_the_extras():
    blocked = "sys.modules.update(dict.fromkeys(['nbgrader', 'nbformat', 'nbclient', 'jupyterlab', 'torch']))"
    result = dlkit("--help", before=blocked)
    assert result.returncode == 0, result.stderr
    for command in ("lab", "notebooks", "release", "grade"):
        assert re.search(rf"^    {command}\b", result.stdout, re.MULTILINE), command


def test_missing_package_is_named_with_the_way_to_get_it():
    result = dlkit("lab", before="sys.modules['nbgrader'] = None")
    assert result.returncode == 2
    assert "nbgrader" in result.stderr and "make setup" in result.stderr
    assert "Traceback" not in result.stderr


def test_foreseeable_trouble_is_a_line_and_code_2():
    result = dlkit("notebooks", "check", "no-such-notebook.ipynb")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: no-such-notebook.ipynb: ")
    assert "Traceback" not in result.stderr


def test_commands_find_their_helpers_beside_this_python(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = dlkit("--help", before="import os, atexit; atexit.register(lambda: print(os.environ['PATH']))")
    assert result.stdout.splitlines()[-1] == os.pathsep.join([str(Path(sys.executable).parent), str(tmp_path)])
