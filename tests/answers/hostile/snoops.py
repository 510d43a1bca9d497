# title: looks for hidden tests, solutions and marks in files, in the environment, in memory
# place: first
# needs: sandbox
# hint: looked everywhere

# %% [attack]
import gc
import os
import sys


def told(what):
    print("FOUND", what)


needles = [("hidden_doubl", "e"), ("doubled_answe", "r"), ("secret value", "s"), ("BEGIN HIDDEN TEST", "S")]


def look(text, where):
    for start, end in needles:
        at = text.find(start)
        while at >= 0:
            if text[at + len(start) : at + len(start) + 1] == end:
                told(where)
                return
            at = text.find(start, at + 1)


for folder, folders, files in os.walk("/"):
    if folder in ("/usr", "/bin", "/lib", "/lib64", "/sbin", "/proc", "/sys", "/dev") or folder.endswith("site-packages"):
        folders.clear()
        continue
    for name in files:
        path = os.path.join(folder, name)
        if name.endswith((".ipynb", ".db", ".results")) or "gradebook" in name and not name.endswith((".py", ".pyc")):
            told(path)
for pid in os.listdir("/proc"):
    if pid.isdecimal():
        for name in ("environ", "cmdline", "maps"):
            try:
                with open(f"/proc/{pid}/{name}", errors="replace") as file:
                    text = file.read()
            except OSError:
                continue
            look(text, f"/proc/{pid}/{name}")
            if "pytest" in text or "SECRET" in text:
                told(f"/proc/{pid}/{name}")
        if pid not in ("self", str(os.getpid())) and pid != "1":
            told(f"process {pid}")
for number in range(256):
    try:
        target = os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        continue
    if number > 3 and not target.startswith(("/proc", "anon_inode")):
        told(f"descriptor {number}: {target}")
for x in gc.get_objects():
    if type(x) is dict:
        for value in list(x.values()):
            if type(value) is str:
                look(value, "an object of gc")
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        place, rights, *_ = line.split()
        first, last = (int(part, 16) for part in place.split("-"))
        if "w" in rights and "[v" not in line and last - first < 10**9:
            try:
                memory.seek(first)
                data = memory.read(last - first)
            except (OSError, ValueError, OverflowError):
                continue
            for start, end in needles[:3]:
                at = data.find(start.encode())
                while at >= 0:
                    if data[at + len(start) : at + len(start) + 1] == end.encode():
                        told(f"memory {place}")
                        break
                    at = data.find(start.encode(), at + 1)
print("looked everywhere")
