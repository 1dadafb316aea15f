// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// task.hpp - C++20 coroutines as one writes them by hand: a lazy task with
// symmetric transfer, a job that a loop runs, a ready list whose nodes live in
// the frames, one-shot futures, events.
#ifndef BENCH_TASK_HPP
#define BENCH_TASK_HPP

#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>

#include "bench.h"

struct ready_node {
  ready_node *next;
  std::coroutine_handle<> handle;
};

struct ready_list {
  ready_node *first = nullptr;
  ready_node **last = &first;

  void push(ready_node *node) {
    node->next = nullptr;
    *last = node;
    last = &node->next;
  }
  void run() {
    while (ready_node *node = first) {
      first = node->next;
      if (!first)
        last = &first;
      node->handle.resume();
    }
  }
};
inline ready_list ready;

struct yield : ready_node {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    handle = self;
    ready.push(this);
  }
  void await_resume() const noexcept {}
};

// Runs when it is awaited, and then goes on with who awaits it.
template <class T> struct task {
  struct promise_type {
    std::coroutine_handle<> parent;
    T value;

    task get_return_object() {
      return task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct to_parent : std::suspend_always {
        std::coroutine_handle<>
        await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          return self.promise().parent;
        }
      };
      return to_parent{};
    }
    void return_value(T result) { value = std::move(result); }
    void unhandled_exception() { std::terminate(); }
  };

  std::coroutine_handle<promise_type> handle;

  explicit task(std::coroutine_handle<promise_type> from) : handle(from) {}
  task(task &&from) noexcept : handle(std::exchange(from.handle, nullptr)) {}
  ~task() {
    if (handle)
      handle.destroy();
  }
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) noexcept {
    handle.promise().parent = self;
    return handle;
  }
  T await_resume() { return std::move(handle.promise().value); }
};

// Runs from the ready list; may be awaited later.
template <class T> struct job {
  struct promise_type {
    std::coroutine_handle<> parent;
    T value;

    job get_return_object() {
      return job(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    yield initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct to_parent : std::suspend_always {
        std::coroutine_handle<>
        await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          auto parent = self.promise().parent;
          return parent ? parent : std::noop_coroutine();
        }
      };
      return to_parent{};
    }
    void return_value(T result) { value = std::move(result); }
    void unhandled_exception() { std::terminate(); }
  };

  std::coroutine_handle<promise_type> handle;

  explicit job(std::coroutine_handle<promise_type> from) : handle(from) {}
  job(job &&from) noexcept : handle(std::exchange(from.handle, nullptr)) {}
  job &operator=(job from) noexcept {
    std::swap(handle, from.handle);
    return *this;
  }
  ~job() {
    if (handle)
      handle.destroy();
  }
  bool await_ready() const noexcept { return handle.done(); }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    handle.promise().parent = self;
  }
  T await_resume() { return std::move(handle.promise().value); }
};

// A value that arrives once, for one who waits.
struct future {
  bool done = false;
  long value = 0;
  ready_node *waiter = nullptr;

  void set(long result) {
    value = result;
    done = true;
    if (waiter)
      ready.push(waiter);
  }
  auto operator co_await() noexcept {
    struct wait : ready_node {
      future &of;
      explicit wait(future &from) : of(from) {}
      bool await_ready() const noexcept { return of.done; }
      void await_suspend(std::coroutine_handle<> self) noexcept {
        handle = self;
        of.waiter = this;
      }
      long await_resume() const noexcept { return of.value; }
    };
    return wait(*this);
  }
};

// Set and cleared again and again.
struct event {
  bool is_set = false;
  ready_node *waiter = nullptr;

  void set() {
    is_set = true;
    if (waiter)
      ready.push(std::exchange(waiter, nullptr));
  }
  void clear() { is_set = false; }
  auto operator co_await() noexcept {
    struct wait : ready_node {
      event &of;
      explicit wait(event &from) : of(from) {}
      bool await_ready() const noexcept { return of.is_set; }
      void await_suspend(std::coroutine_handle<> self) noexcept {
        handle = self;
        of.waiter = this;
      }
      void await_resume() const noexcept {}
    };
    return wait(*this);
  }
};

inline int run(job<int> main) {
  ready.run();
  return main.handle.promise().value;
}

#endif
