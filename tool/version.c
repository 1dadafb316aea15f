/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "version.h"

#include <ac/abi.h>
#include <clang-c/Index.h>

void version_print(FILE *out) {
  CXString clang = clang_getClangVersion();
  fprintf(out, "acc %s, ABI %d\n%s\n", ACC_VERSION, AC_ABI_VERSION,
          clang_getCString(clang));
  clang_disposeString(clang);
}
