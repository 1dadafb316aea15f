# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Slow on purpose: a compilation that does not wait for the header fails.
execute_process(COMMAND "${CMAKE_COMMAND}" -E sleep 0.5)
file(WRITE "${OUTPUT}" "#define ANSWER 42\n")
