#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""interrupt.py SIGNAL command...: runs acc with a compiler that never ends,
sends it the signal while that runs, and expects both to die of it."""
import os
import signal
import subprocess
import sys
import time

number = getattr(signal, "SIG" + sys.argv[1])
ready = os.path.join(os.environ["TMPDIR"], "ready")
compiler = os.path.join(os.environ["TMPDIR"], "compiler")
with open(compiler, "w") as script:
    script.write(f"""\
#!/bin/sh
case "$*" in *-v*) exit 0;; esac
for word; do [ "$last" = -o ] && output=$word; last=$word; done
# Slow to end, and writes on its way out what acc is to remove.
finish() {{
  kill $!
  sleep 0.3
  case "$output" in *.acc/*) echo late > "$output";; esac
  exit 1
}}
trap finish {sys.argv[1]}
sleep 60 &
echo $$ > {ready}.new
mv {ready}.new {ready}
wait
""")
os.chmod(compiler, 0o755)
signal.signal(number, signal.SIG_DFL)
acc = subprocess.Popen(sys.argv[2:], env=dict(os.environ, ACC_CC=compiler))
deadline = time.monotonic() + 30
while not os.path.exists(ready):
    if time.monotonic() > deadline or acc.poll() is not None:
        acc.kill()
        sys.exit("the compiler was not started")
    time.sleep(0.01)
with open(ready) as file:
    child = int(file.read())
acc.send_signal(number)
status = acc.wait(30)
os.unlink(ready)
os.unlink(compiler)
if status != -number:
    sys.exit(f"acc ended with {status}, not by signal {number}")
# acc has waited for it: not even a zombie is left.
try:
    os.kill(child, signal.SIGKILL)
    sys.exit("the compiler was left running")
except ProcessLookupError:
    pass
