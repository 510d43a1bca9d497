# title: connections to the world, to this machine, by name and by number
# place: first
# needs: sandbox

# %% [attack]
import socket
import urllib.request

for family, address in (
    (socket.AF_INET, ("1.1.1.1", 53)),
    (socket.AF_INET, ("127.0.0.1", 22)),
    (socket.AF_INET, ("169.254.169.254", 80)),
):
    try:
        with socket.socket(family) as sock:
            sock.settimeout(1)
            sock.connect(address)
            print("FOUND", address)
    except OSError:
        pass
try:
    urllib.request.urlopen("http://example.org", timeout=1)
    print("FOUND the world")
except OSError:
    pass
for path in ("/run", "/var/run", "/tmp"):
    import os

    for folder, _, files in os.walk(path):
        for name in files:
            if name.endswith(".sock"):
                print("FOUND", folder, name)
