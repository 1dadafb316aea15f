// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <stdio.h>
#include <ac/async.h>

async int main(void)
{
    await ac_yield();
    printf("shared runtime\n");
    return 0;
}
