package org.example.weather;

import java.util.List;
import org.example.weather.net.*;
import static org.example.weather.units.Convert.celsius;

/**
 * Sends readings to a server.
 */
@Component(value = "client")
public class Client<T extends Reading> extends Base<T> implements Sender, AutoCloseable {
    /** Readings that are sent at once. */
    public static final int MAX_BATCH = 100;

    private final Connection connection;
    private List<Reading> pending, failed;

    public Client(Connection connection) {
        this.connection = connection;
    }

    /** Queues a reading. */
    @Override
    public void add(
            Reading reading, int retries) throws SendException {
        int left = retries;
        Response response = connection.post(reading.encode(), left);
        pending.add(reading);
        Audit.record(response);
    }

    enum Mode { FAST, SAFE }

    interface Listener {
        void sent(Reading reading);
    }

    record Batch(List<Reading> readings, int number) {
        int size() {
            return readings.size();
        }
    }
}
