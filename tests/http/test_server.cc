#include "http/test_server.h"

#include <chrono>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace kms::testing {
namespace {

server::HttpResponse Text(int status, std::string_view body) {
  server::HttpResponse response;
  response.status = status;
  response.content_type = "text/plain";
  response.body.assign(body.begin(), body.end());
  return response;
}

}  // namespace

SteeredHandler::SteeredHandler() : worker_([this] { Work(); }) {}

SteeredHandler::~SteeredHandler() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void SteeredHandler::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return over_ || !later_.empty(); });
    if (later_.empty()) return;
    Held next = std::move(later_.front());
    later_.pop_front();
    lock.unlock();
    next.respond(Text(200, next.request.target));
    lock.lock();
  }
}

void SteeredHandler::Handle(const server::HttpRequest& request, server::Respond respond) {
  ++handled_;
  if (request.target == "/echo") {
    respond(Text(200, AsText(request.body)));
  } else if (request.target == "/head") {
    std::string text = std::string(request.method) + "\n";
    for (const HeaderView& each : request.headers) {
      text.append(each.name).append("=").append(each.value).append("\n");
    }
    respond(Text(200, text));
  } else if (request.target.starts_with("/long")) {
    respond(
        Text(200, std::string(std::stoul(std::string(request.target.substr(5))), 'x')));
  } else if (request.target == "/lost") {
    return;
  } else if (request.target == "/throws") {
    throw std::runtime_error("handler");
  } else if (request.target == "/header") {
    server::HttpResponse response = Text(200, "");
    response.headers = {{"X-Good", "1"}, {"X-Bad", "1\r\nX-Injected: 1"}};
    respond(std::move(response));
  } else if (request.target.starts_with("/later")) {
    const std::lock_guard lock(mutex_);
    later_.push_back({request, std::move(respond)});
    changed_.notify_all();
  } else if (request.target.starts_with("/held")) {
    const std::lock_guard lock(mutex_);
    held_.push_back({request, std::move(respond)});
    changed_.notify_all();
  } else {
    respond(Text(200, request.target));
  }
}

server::HttpResponse SteeredHandler::Refuse(int status, const Error& error) {
  return Text(status, CodeOf(error.reason()));
}

void SteeredHandler::WaitForHandled(int count) {
  for (int i = 0; i < 2000 && handled_ < count; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_GE(handled_, count);
}

void SteeredHandler::WaitForHeld(std::size_t count) {
  std::unique_lock lock(mutex_);
  ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(10),
                                [&] { return held_.size() >= count; }));
}

void SteeredHandler::Release() {
  std::vector<Held> held;
  {
    const std::lock_guard lock(mutex_);
    held.swap(held_);
  }
  // The views must still be good: they are read here.
  for (Held& each : held) {
    std::string text(each.request.target);
    text += AsText(each.request.body);
    each.respond(Text(200, text));
  }
}

TestServer::TestServer(server::HttpServerConfig config) {
  if (config.listeners.empty()) config.listeners.emplace_back();
  if (config.io_threads == 0) config.io_threads = 2;
  auto started = server::HttpServer::Start(config, *handler_);
  EXPECT_OK(started);
  server_ = std::move(started).value();
}

void TestServer::WaitForConnections(std::size_t count) {
  for (int i = 0; i < 2000 && server_->connections() != count; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(server_->connections(), count);
}

}  // namespace kms::testing
