// Multi-process training: rendezvous over c10d's TCP store, collectives by Gloo.

#define USE_C10D_GLOO

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "support.h"

using ctorch::borrow;

/// The store that processes use for rendezvous.
struct ct_store {
    c10::intrusive_ptr<c10d::TCPStore> server;
    c10::intrusive_ptr<c10d::Store> store;
};

struct ct_group {
    // Gloo is called through its base class, which libtorch's headers declare completely.
    c10::intrusive_ptr<c10d::Backend> backend;
};

struct ct_work {
    c10::intrusive_ptr<c10d::Work> work;
};

namespace {

using std::chrono::milliseconds;
using Gloo = c10d::ProcessGroupGloo;

/// Waits until all processes have joined, each with its own rank.
void gather(c10d::Store &store, int32_t rank, int32_t size, milliseconds limit) {
    TORCH_CHECK(store.add("rank/" + std::to_string(rank), 1) == 1,
                "another process has already joined as rank ", rank);
    if (store.add("arrived", 1) == size) store.set("complete", std::vector<uint8_t>{1});
    try {
        store.wait({"complete"}, limit);
    } catch (const std::exception &) {
        TORCH_CHECK(false, "only ", store.add("arrived", 0), " of ", size,
                    " processes joined within ", limit.count() / 1000.0, " s");
    }
}

/// A template, so that versions of libtorch without `create_default` compile, too.
template <typename Options>
c10::intrusive_ptr<Options> default_options(milliseconds timeout) {
    if constexpr (requires { Options::create_default(timeout); }) {
        return Options::create_default(timeout);
    } else {
        auto result = Options::create(timeout);
        result->devices.push_back(Gloo::createDefaultDevice());
        return result;
    }
}

/// On a single machine, Gloo must not depend on resolving the host name.
c10::intrusive_ptr<Gloo::Options> options(const std::string &host, milliseconds timeout) {
    const bool is_local = host == "localhost" || host == "127.0.0.1" || host == "::1";
    if (!is_local || std::getenv("GLOO_SOCKET_IFNAME") != nullptr) {
        return default_options<Gloo::Options>(timeout);
    }
    auto result = Gloo::Options::create(timeout);
    result->devices.push_back(Gloo::createDeviceForHostname(host));
    return result;
}

void give(c10::intrusive_ptr<c10d::Work> work, ct_work **result) {
    *result = new ct_work{std::move(work)};
}

}  // namespace

extern "C" {

char *ct_store_open(const char *host, int32_t port, bool serves, const char *prefix,
                    int64_t limit, ct_store **result, int32_t *listening) {
    return ctorch::guarded([&] {
        c10d::TCPStoreOptions options;
        options.port = static_cast<uint16_t>(port);
        options.isServer = serves;
        options.waitWorkers = false;
        options.timeout = milliseconds(limit);
        auto server = c10::make_intrusive<c10d::TCPStore>(host, options);
        *listening = server->getPort();
        auto store = c10::make_intrusive<c10d::PrefixStore>(prefix, server);
        *result = new ct_store{std::move(server), std::move(store)};
    });
}

void ct_store_close(ct_store *store) { delete store; }

char *ct_group_join(const ct_store *store, const char *host, int32_t rank, int32_t size,
                    int64_t limit, int64_t timeout, ct_group **result) {
    return ctorch::guarded([&] {
        gather(*store->store, rank, size, milliseconds(limit));
        auto backend = c10::make_intrusive<Gloo>(store->store, rank, size,
                                                 options(host, milliseconds(timeout)));
        // The store must stay open while other processes still read addresses from it.
        backend->barrier(c10d::BarrierOptions())->wait();
        *result = new ct_group{std::move(backend)};
    });
}

void ct_group_leave(ct_group *group) {
    // This may fail when a peer has already exited; the error is ignored then.
    free(ctorch::guarded([&] { delete group; }));
}

char *ct_group_sum(const ct_group *group, ct_tensor *tensor, int64_t timeout, ct_work **result) {
    return ctorch::guarded([&] {
        std::vector<at::Tensor> tensors{borrow(tensor)};
        c10d::AllreduceOptions options;
        options.timeout = milliseconds(timeout);
        give(group->backend->allreduce(tensors, options), result);
    });
}

char *ct_group_broadcast(const ct_group *group, ct_tensor *tensor, int32_t root, int64_t timeout,
                         ct_work **result) {
    return ctorch::guarded([&] {
        std::vector<at::Tensor> tensors{borrow(tensor)};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        options.timeout = milliseconds(timeout);
        give(group->backend->broadcast(tensors, options), result);
    });
}

char *ct_group_gather(const ct_group *group, const ct_tensor *tensor, ct_tensor *const *results,
                      int64_t timeout, ct_work **result) {
    return ctorch::guarded([&] {
        std::vector<at::Tensor> inputs{borrow(tensor)};
        std::vector<std::vector<at::Tensor>> outputs(1);
        for (int i = 0; i < group->backend->getSize(); i++) outputs[0].push_back(borrow(results[i]));
        c10d::AllgatherOptions options;
        options.timeout = milliseconds(timeout);
        give(group->backend->allgather(outputs, inputs, options), result);
    });
}

char *ct_group_barrier(const ct_group *group, int64_t timeout, ct_work **result) {
    return ctorch::guarded([&] {
        c10d::BarrierOptions options;
        options.timeout = milliseconds(timeout);
        give(group->backend->barrier(options), result);
    });
}

char *ct_work_wait(ct_work *work, int64_t limit) {
    return ctorch::guarded([&] {
        TORCH_CHECK(work->work->wait(milliseconds(limit)), "the collective was aborted");
    });
}

bool ct_work_is_done(ct_work *work) {
    return ctorch::certain([&] { return work->work->isCompleted(); });
}

void ct_work_release(ct_work *work) { delete work; }

}  // extern "C"
