<?php

namespace Example\Weather;

use Example\Weather\Net\Connection;
use Example\Weather\Net\Retry as Again;
use Example\Units\{Celsius, Kelvin as K};

require_once __DIR__ . '/bootstrap.php';

const MAX_BATCH = 100;

interface Sender
{
    public function send(Reading $reading): bool;
}

/**
 * Sends readings.
 */
#[Service]
abstract class Client extends Base implements Sender, \Countable
{
    use Retrying;

    public const MODE = 'fast';
    private ?Connection $connection = null;

    public function __construct(private readonly Logger $logger, int $retries = 3)
    {
        $this->retries = $retries;
    }

    /** Queues a reading. */
    public function add(Reading $reading): int
    {
        $response = $this->connection->post($reading->encode());
        Audit::record($response);
        return count($this->pending);
    }

    abstract protected function flush(): void;
}

enum Mode: string
{
    case Fast = 'fast';
}

trait Retrying
{
    public function again(): void
    {
    }
}

function helper(int $value): int
{
    return $value;
}
