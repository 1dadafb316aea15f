/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * async.h - the lower-case keywords async, await and defer, for .ac files.
 * To be included last: headers included after it would see them too. A header
 * with async declarations includes <ac/ac.h> and writes _Async instead. */
#ifndef AC_ASYNC_H
#define AC_ASYNC_H

#include <ac/ac.h>

#define async _Async
#define await _Await
#define defer _Defer

#if !defined(__ACC__) && !defined(AC_GENERATED)
/* An editor's parser, or a C compiler that was handed the file by mistake. */
#include <ac/editor.h>
#endif

#endif
