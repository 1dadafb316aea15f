#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""echo_nc.py nc server: one line through the server with nc."""

import re
import signal
import subprocess
import sys



def heed_interrupts():
    """What runs in the background may have been told to ignore them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


nc, server = sys.argv[1:]
with subprocess.Popen([server], stdout=subprocess.PIPE, text=True,
                      preexec_fn=heed_interrupts) as process:
    try:
        line = process.stdout.readline()
        port = re.fullmatch(r"listening on port (\d+)\n", line)[1]
        usage = subprocess.run([nc, "-h"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True).stdout
        # Ends at the end of input: -N with OpenBSD's, -q with Debian's other.
        half_close = ["-N"] if "-N" in usage else ["-q", "1"]
        done = subprocess.run([nc, *half_close, "127.0.0.1", port],
                              input="hello from nc\n", text=True, timeout=20,
                              stdout=subprocess.PIPE)
        print(done.stdout, end="")
        process.send_signal(signal.SIGINT)
        print(process.communicate(timeout=20)[0], end="")
        if process.returncode != 0:
            sys.exit(f"exit status {process.returncode}")
    finally:
        if process.poll() is None:
            process.kill()
