// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C++20 coroutines. What is comparable is an asynchronous generator: it may
// await between its values, so asking for the next one is a co_await.
#include "task.hpp"

#include <coroutine>
#include <exception>

namespace {

template <typename T> class generator {
public:
  struct promise_type {
    std::coroutine_handle<> consumer;
    T value{};

    generator get_return_object() {
      return generator(
          std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct to_consumer {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<>
      await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        return self.promise().consumer;
      }
      void await_resume() noexcept {}
    };
    to_consumer final_suspend() noexcept { return {}; }
    to_consumer yield_value(T next) noexcept {
      value = next;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };

  explicit generator(std::coroutine_handle<promise_type> handle)
      : handle_(handle) {}
  generator(const generator &) = delete;
  ~generator() { handle_.destroy(); }

  struct step {
    std::coroutine_handle<promise_type> handle;
    bool await_ready() noexcept { return false; }
    std::coroutine_handle<>
    await_suspend(std::coroutine_handle<> consumer) noexcept {
      handle.promise().consumer = consumer;
      return handle;
    }
    bool await_resume() noexcept { return !handle.done(); }
  };
  step next() { return {handle_}; }
  T value() const { return handle_.promise().value; }

private:
  std::coroutine_handle<promise_type> handle_;
};

generator<long> numbers(long n) {
  for (long i = 0; i < n; i++)
    co_yield i;
}

generator<long> doubled(long n) {
  generator<long> from = numbers(n);
  while (co_await from.next())
    co_yield 2 * from.value();
}

job<int> start(char **argv) {
  long n = atol(argv[2]), sum = 0;
  if (bench_is(argv, "value")) {
    generator<long> from = numbers(n);
    while (co_await from.next())
      sum += from.value();
  } else if (bench_is(argv, "nested")) {
    generator<long> from = doubled(n);
    while (co_await from.next())
      sum += from.value();
  } else {
    co_return bench_unknown(argv);
  }
  co_return bench_show(sum);
}

} // namespace

int main(int argc, char **argv) {
  bench_check(argc);
  return run(start(argv));
}
