// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "task.hpp"

task<long> other(long x) { co_return x + 1; }
