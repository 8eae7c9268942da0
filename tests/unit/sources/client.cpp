#include "client.hpp"
#include <vector>

using std::string;

namespace weather {
namespace net {

// Sends readings.
template <typename T>
class Client : public Base<T>, private Sender {
public:
    explicit Client(Connection& connection);
    virtual ~Client() = default;
    int add(const T& reading);
    bool operator==(const Client& other) const { return id_ == other.id_; }

private:
    Connection& connection_;
    int id_ = 0;
};

struct Options {
    int retries;
};

enum class Mode { Fast, Safe };

constexpr int kMaxBatch = 100;

using Batch = std::vector<Options>;

template <typename T>
int Client<T>::add(const T& reading) {
    auto response = connection_.post(reading.encode());
    Audit::record(response);
    return response.code;
}

static int helper(int value) {
    return value + kMaxBatch;
}

}  // namespace net
}  // namespace weather
