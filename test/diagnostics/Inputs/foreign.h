/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * A header that knows nothing of acc and has names of its own. */
struct foreign {
  int async;
  int await;
};
static inline int foreign_run(struct foreign *f, int defer) {
  return f->async + f->await + defer;
}
